"""What a run paid, and what it may still pay: tokens and money by model, step and slice, against the caps of the spec.

An answer whose service tells no tokens is counted by an estimate from its texts. A try that may have been paid although
no answer came of it (a timeout, a cut connection) is counted like the mean answer of its model, or, while there is none,
as the most that it can have taken: a cap must hold for the bill, and the bill has it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pairsmith.factory.chat import RECORDED, Answer, Ask
from pairsmith.factory.estimate import text_tokens
from pairsmith.factory.journal import Spent, Via
from pairsmith.factory.spec import BudgetSpec, Price


@dataclass(frozen=True)
class Line:
    """Paid for one model, step and slice.

    ``usd``: None where the model has no price; ``estimated``: answers whose tokens are estimated.
    """

    model: str
    step: str
    slice: str
    via: str
    requests: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    usd: float | None
    estimated: int
    lost: int


class _Mean(NamedTuple):
    """Tokens of the mean answer of a model: in, out, cached."""

    tokens_in: float
    tokens_out: float
    cached: float


def ledger(spent: Iterable[Spent], prices: Mapping[str, Price]) -> list[Line]:
    """The lines of the journal with their price; what was lost is counted like the mean answer of its model.

    Of a model that answered nothing a lost try is counted by its prompt and the cap on its answer.
    """
    lines = list(spent)
    means = _means(lines)
    return [_line(one, means.get(one.model), prices.get(one.model)) for one in lines]


def _means(spent: Iterable[Spent]) -> dict[str, _Mean]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for one in spent:
        for place, count in enumerate((one.answers, one.tokens_in, one.tokens_out, one.tokens_cached)):
            sums[one.model][place] += count
    return {
        model: _Mean(*(count / answers for count in tokens)) for model, (answers, *tokens) in sums.items() if answers
    }


def _line(one: Spent, mean: _Mean | None, price: Price | None) -> Line:
    lost = _Mean(0, one.most_lost, 0) if mean is None else _Mean(*(one.lost * count for count in mean))
    tokens_in, tokens_out = round(one.tokens_in + lost.tokens_in), round(one.tokens_out + lost.tokens_out)
    cached = round(one.tokens_cached + lost.cached)
    usd = None if price is None else price.cost(tokens_in, tokens_out, cached, one.via)
    return Line(
        model=one.model,
        step=one.step,
        slice=one.slice,
        via=one.via,
        requests=one.answers + one.lost,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=cached,
        usd=usd,
        estimated=one.unmetered,
        lost=one.lost,
    )


@dataclass
class _Sum:
    """What a model was paid: for ``answers``, by their tokens and dollars, and beyond them for what nothing is known of."""

    answers: int = 0
    tokens: float = 0
    usd: float = 0
    other_tokens: float = 0
    other_usd: float = 0

    def add(self, tokens: float, usd: float) -> None:
        self.answers += 1
        self.tokens += tokens
        self.usd += usd

    def add_other(self, tokens: float, usd: float) -> None:
        self.other_tokens += tokens
        self.other_usd += usd

    def mean(self) -> tuple[float, float] | None:
        return (self.tokens / self.answers, self.usd / self.answers) if self.answers else None


@dataclass
class Purse:
    """What was paid so far against ``budget``: nothing is sent that, with what is in flight, could go over a cap.

    ``spent``: what the journal holds of earlier runs.
    """

    budget: BudgetSpec
    prices: Mapping[str, Price]
    spent: Iterable[Spent] = ()
    _models: dict[str, _Sum] = field(default_factory=lambda: defaultdict(_Sum))

    def __post_init__(self) -> None:
        for line in ledger(self.spent, self.prices):
            tokens, answers = line.tokens_in + line.tokens_out, line.requests - line.lost
            share = answers / line.requests
            model = self._models[line.model]
            model.answers += answers
            model.tokens += share * tokens
            model.usd += share * (line.usd or 0.0)
            model.add_other((1 - share) * tokens, (1 - share) * (line.usd or 0.0))

    @property
    def tokens(self) -> float:
        """Tokens paid, prompts and answers."""
        return sum(one.tokens + one.other_tokens for one in self._models.values())

    @property
    def usd(self) -> float:
        """US dollars paid, for models that have a price."""
        return sum(one.usd + one.other_usd for one in self._models.values())

    def pay(self, ask: Ask, answer: Answer) -> tuple[float, float]:
        """Count an answer; returns its tokens and dollars."""
        if ask.model == RECORDED:
            return 0.0, 0.0
        tokens_in = text_tokens(ask.prompt) if answer.tokens_in is None else answer.tokens_in
        tokens_out = text_tokens(answer.text) if answer.tokens_out is None else answer.tokens_out
        usd = self._cost(ask.model, tokens_in, tokens_out, answer.tokens_cached or 0)
        self._models[ask.model].add(tokens_in + tokens_out, usd)
        return tokens_in + tokens_out, usd

    def lose(self, ask: Ask) -> None:
        """Count a try that may have been paid for nothing: like the mean answer, or as the most that it can have taken."""
        model = self._models[ask.model]
        tokens_in, tokens_out = text_tokens(ask.prompt), ask.params.get("max_tokens", 0)
        most = tokens_in + tokens_out, self._cost(ask.model, tokens_in, tokens_out)
        model.add_other(*(model.mean() or most))

    def hold(self, model: str, tokens_in: float, tokens_out: float, via: Via) -> bool:
        """Set aside what a request will probably take; False, and nothing set aside, where it does not fit below the caps."""
        tokens, usd = tokens_in + tokens_out, self._cost(model, tokens_in, tokens_out, via=via)
        over = self.budget.tokens is not None and self.tokens + tokens > self.budget.tokens
        if over or (self.budget.usd is not None and self.usd + usd > self.budget.usd):
            return False
        self._models[model].add_other(tokens, usd)
        return True

    def allows(self, model: str, in_flight: Mapping[str, int]) -> bool:
        """Whether one more request to ``model`` fits, given the requests ``in_flight`` by model."""
        budget = self.budget
        if budget.tokens is None and budget.usd is None:
            return True
        counts = Counter(in_flight)
        counts[model] += any(in_flight.values())  # with nothing in flight what is left is used up
        tokens, usd = self.tokens, self.usd
        for name, count in counts.items():
            mean = self._models[name].mean() or (0.0, 0.0)
            tokens, usd = tokens + count * mean[0], usd + count * mean[1]
        return (budget.tokens is None or tokens < budget.tokens) and (budget.usd is None or usd < budget.usd)

    def _cost(self, model: str, tokens_in: float, tokens_out: float, cached: float = 0, via: Via = "chat") -> float:
        price = self.prices.get(model)
        return price.cost(tokens_in, tokens_out, cached, via) if price else 0.0

    def says(self) -> str:
        """What was spent of the caps, for the line that ends a run."""
        caps = []
        if self.budget.usd is not None:
            caps.append(f"${self.usd:,.2f} of ${self.budget.usd:,.2f}")
        if self.budget.tokens is not None:
            caps.append(f"{self.tokens:,.0f} of {self.budget.tokens:,} tokens")
        return " and ".join(caps)
