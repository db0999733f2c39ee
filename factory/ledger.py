"""What a run paid, and what it may still pay: tokens and money by model, step and slice, against the caps of the spec.

An answer whose service tells no tokens is counted by an estimate from its texts. A try that may have been paid although
no answer came of it (a timeout, a cut connection) is counted like the mean answer of its model: a cap must hold for the
bill, and the bill has it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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


def ledger(spent: Iterable[Spent], prices: Mapping[str, Price]) -> list[Line]:
    """The lines of the journal with their price, what was lost counted like the mean answer of its line."""
    return [_line(one, prices.get(one.model)) for one in spent]


def _line(one: Spent, price: Price | None) -> Line:
    share = one.lost / one.answers if one.answers else 0.0
    tokens_in, tokens_out, cached = (
        round(count * (1 + share)) for count in (one.tokens_in, one.tokens_out, one.tokens_cached)
    )
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
    answers: int = 0
    tokens: float = 0
    usd: float = 0

    def add(self, answers: float, tokens: float, usd: float) -> None:
        self.answers += round(answers)
        self.tokens += tokens
        self.usd += usd

    def mean(self) -> tuple[float, float]:
        return (self.tokens / self.answers, self.usd / self.answers) if self.answers else (0.0, 0.0)


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
            self._models[line.model].add(line.requests, line.tokens_in + line.tokens_out, line.usd or 0.0)

    @property
    def tokens(self) -> float:
        """Tokens paid, prompts and answers."""
        return sum(one.tokens for one in self._models.values())

    @property
    def usd(self) -> float:
        """US dollars paid, for models that have a price."""
        return sum(one.usd for one in self._models.values())

    def pay(self, ask: Ask, answer: Answer) -> tuple[float, float]:
        """Count an answer; returns its tokens and dollars."""
        if ask.model == RECORDED:
            return 0.0, 0.0
        tokens_in = text_tokens(ask.prompt) if answer.tokens_in is None else answer.tokens_in
        tokens_out = text_tokens(answer.text) if answer.tokens_out is None else answer.tokens_out
        price = self.prices.get(ask.model)
        usd = 0.0 if price is None else price.cost(tokens_in, tokens_out, answer.tokens_cached or 0)
        self._models[ask.model].add(1, tokens_in + tokens_out, usd)
        return tokens_in + tokens_out, usd

    def lose(self, model: str) -> None:
        """Count a try that may have been paid for nothing."""
        self._models[model].add(1, *self._models[model].mean())

    def hold(self, model: str, tokens_in: float, tokens_out: float, via: Via) -> bool:
        """Set aside what a request will probably take; False, and nothing set aside, where it does not fit below the caps."""
        price = self.prices.get(model)
        tokens, usd = tokens_in + tokens_out, price.cost(tokens_in, tokens_out, via=via) if price else 0.0
        over = self.budget.tokens is not None and self.tokens + tokens > self.budget.tokens
        if over or (self.budget.usd is not None and self.usd + usd > self.budget.usd):
            return False
        self._models[model].add(1, tokens, usd)
        return True

    def allows(self, model: str, in_flight: Mapping[str, int]) -> bool:
        """Whether one more request to ``model`` fits, given the requests ``in_flight`` by model."""
        budget = self.budget
        if budget.tokens is None and budget.usd is None:
            return True
        tokens, usd = self.tokens, self.usd
        for name, count in in_flight.items():
            mean = self._models[name].mean()
            tokens, usd = tokens + count * mean[0], usd + count * mean[1]
        one = self._models[model].mean()
        first = not any(in_flight.values())
        return (budget.tokens is None or tokens + (0 if first else one[0]) < budget.tokens) and (
            budget.usd is None or usd + (0 if first else one[1]) < budget.usd
        )

    def says(self) -> str:
        """What was spent of the caps, for the line that ends a run."""
        caps = []
        if self.budget.usd is not None:
            caps.append(f"${self.usd:,.2f} of ${self.budget.usd:,.2f}")
        if self.budget.tokens is not None:
            caps.append(f"{self.tokens:,.0f} of {self.budget.tokens:,} tokens")
        return " and ".join(caps)
