"""The recipe: every number that training depends on, with its default and the reason for it.

Defaults are the method's (Wang et al. 2024, arXiv 2401.00368, section 4.1 and appendix); what it does not state, or what
measured better elsewhere, says so. A recipe is a YAML file of these names, and goes whole into checkpoint and model card.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pairsmith.factory.taxonomy import Group

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Recipe(_Strict):
    """All of training but the data and the model."""

    # The adapter
    rank: Count = Field(16, description="rank of LoRA, on every linear layer of the blocks; the paper's")
    alpha: Positive = Field(64, description="LoRA's scale; not in the paper, a reproduction's")
    dropout: Share = Field(
        0.1, description="of LoRA's input; not in the paper, a reproduction's; what the model itself has of it is off"
    )

    # The embedding
    pooling: Literal["auto", "last", "mean", "cls"] = Field(
        "auto",
        description="`last` is the end-of-text token of a decoder (the paper's); `auto`: what the model was made for",
    )
    attention: Literal["auto", "causal", "bidirectional"] = Field(
        "auto",
        description="`auto`: as the model was trained; a decoder read in both directions gains where data are many",
    )
    max_length: Annotated[int, Field(ge=4)] = Field(512, description="tokens of a text, its end-of-text token included")
    dimensions: list[Count] = Field(
        [],
        description="Matryoshka: the loss is taken on each of these leading dimensions too, so that users may cut there",
    )

    # The loss
    temperature: Positive = Field(0.02, description="InfoNCE on the cosine; the paper's")
    negatives: Annotated[int, Field(ge=0)] = Field(1, description="hard negatives of a row that are used; the paper's")
    alone: list[Group] = Field(
        [],
        description="groups whose queries see their own candidates only: with few labels, other rows' labels are no "
        "negatives; off, as in the paper, since a repeated text is masked anyway",
    )
    mask_same_text: bool = Field(
        True, description="a candidate with the text of the positive, or of the query, is no negative"
    )
    mask_same_label: bool = Field(True, description="nor is a candidate that carries the query's label")
    mask_same_document: bool = Field(True, description="nor one from the document that the positive is from")
    mask_margin: Finite | None = Field(
        None,
        description="nor one whose cosine is above the positive's plus this; off: clean data's hardest negatives are real",
    )

    # The course
    batch: Annotated[int, Field(ge=2)] = Field(
        2048,
        description="rows whose texts are each other's candidates; the paper's. An epoch is cut into equal batches as near to "
        "it as can be, so that no row is left over",
    )
    one_group: bool = Field(
        False,
        description="rows of a batch are of one group: harder negatives; off, as in the paper: groups have few batches",
    )
    epochs: Count = Field(1, description="the paper's")
    learning_rate: Positive = Field(1e-4, description="the paper's")
    warmup: Annotated[int, Field(ge=0)] = Field(
        100, description="steps of linear rise (the paper's), never more than a tenth of all; then linear decay to zero"
    )
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(0.1, description="of AdamW; the paper's")
    clip: Positive = Field(1.0, description="largest norm of the gradient; not in the paper, the usual one")
    average: Annotated[int, Field(ge=0)] = Field(
        0, description="the last checkpoints whose mean is the model; off: with decay to zero the last one is as good"
    )
    replay: Share = Field(
        0.25, description="share of the rows of the earlier version that are trained on again, with --since"
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(
        0, description="of order, dropout and the adapter's first weights"
    )

    # The engine: none of it changes the result beyond rounding
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto", description="of the frozen weights and the products; `auto`: bf16 on a GPU, fp32 elsewhere"
    )
    layout: Literal["auto", "padded", "packed"] = Field(
        "auto",
        description="micro-batches padded to their longest text, or packed end to end; `auto`: packed where it is exact",
    )
    tokens: Count = Field(16_384, description="tokens of a micro-batch; halved when memory runs out")
    checkpointing: bool = Field(
        False,
        description="gradient checkpointing: a third more work (8N for 6N), as the cached pass recomputes already",
    )
    save_every: Count = Field(100, description="steps between checkpoints")

    @model_validator(mode="after")
    def _dimensions_fall(self) -> "Recipe":
        if sorted(set(self.dimensions), reverse=True) != self.dimensions:
            raise ValueError(
                "'dimensions' are given from the largest to the smallest, each once, such as [1024, 256, 64]"
            )
        return self
