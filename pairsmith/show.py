"""What commands print for a person, those of batches and reviews but for; :func:`plain` is what ``--json`` prints."""

import json
from typing import Any

from pairsmith.curation.check_formats import FORMATS
from pairsmith.factory.accounts import dollars
from pairsmith.show_diff import lines

Result = dict[str, Any]


def plain(result: Result) -> str:
    """The result as JSON."""
    return json.dumps(result, ensure_ascii=False, indent=1)


def init(result: Result) -> str:
    """Where the new spec is, and what to do with it."""
    return f"{result['written']}: every key with its default and what it means\nnext: {result['next']}"


def plan(result: Result) -> str:
    """Counts, an example prompt of each kind, tokens and cost."""
    lines = [f"{result['total']} requests, {result['distinct_tasks']} distinct tasks"]
    lines.append("by group     " + counted(result["by_group"]))
    lines.append("by language  " + counted(result["by_language"]))
    if result["documents"]:
        lines.append("grounded     " + (counted(result["grounded"]) or "none"))
        lines.append("documents    " + counted(result["documents"]))
    if topics := result["brainstorm"]["topics"]:
        shares = ", ".join(f"{domain} {share:.1%}" for domain, share in result["brainstorm"]["domains"].items())
        lines.append(f"topics       {topics:,} for the brainstorm: {shares}")
    for example in result["examples"]:
        lines += ["", f"--- {example['group']}, template {example['template']}", example["prompt"]]
    lines.append("")
    for step in ("brainstorm", "generate"):
        bill = result[step]
        if bill["requests"]:
            cost = f"about ${bill['cost']:,.2f}" if bill["cost"] is not None else "cost unknown"
            because = f" ({bill['reason']})" if bill["reason"] else ""
            tokens = f"{bill['tokens_in']:,} tokens in, {bill['tokens_out']:,} out"
            lines.append(
                f"{step:<11}{bill['requests']:>9,} requests to {bill['model']}, about {tokens}, {cost}{because}"
            )
    if result["short"]:
        lines.append(f"short: {counted(result['short'])} requests find no task; {result['advice']}")
    return "\n".join(lines)


def counts(result: Result) -> str:
    """The accounting of the journal in one line."""
    failed = among(result["failed"])
    batches = f" ({result['in_batch']:,} in batches)" if result.get("in_batch") else ""
    line = (
        f"asked {result['asked']:,} = answered {result['answered']:,} + failed {sum(result['failed'].values()):,}{failed}"
        f" + pending {result['pending']:,}{batches}" + (f"; {result['held']}" if result.get("held") else "")
    )
    return f"{line}\nnext: pairsmith batch collect {result.get('run', 'RUN')}" if batches else line


def among(numbers: dict[str, int]) -> str:
    """What a sum is made of, in brackets behind it; nothing where there is nothing."""
    return f" ({counted(numbers)})" if numbers else ""


def funnel(result: Result) -> str:
    """What each gate dropped and why, down to what was accepted."""
    lines = [counts(result)]
    for gate in result["gates"]:
        head = f"  {gate['gate']:<14}{gate['judged']:>9,} judged {gate['dropped']:>8,} dropped"
        lines.append(f"{head}  {counted(gate['reasons'])}".rstrip())
    lines.append(f"answered {result['answered']:,} = accepted {result['accepted']:,} + rejected {result['rejected']:,}")
    return "\n".join(lines + target(result["target"], pending=result["pending"]))


def target(result: Result, pending: int) -> list[str]:
    """How far the target is met, where there is one, and what the missing rows wait for."""
    if not result:
        return []
    missing = sum(result["missing"].values())
    rounds = f"{result['rounds']} round" + ("s" if result["rounds"] > 1 else "")
    if not missing:
        return [f"target    {result['wanted']:,} of {result['wanted']:,} wanted rows, in {rounds}"]
    where = counted(dict(list(result["missing"].items())[:5])) + (" ..." if len(result["missing"]) > 5 else "")
    why = "requests are pending" if pending else "asked for as often as 'candidates' allows, or not by this command"
    reached = f"target    {result['wanted'] - missing:,} of {result['wanted']:,} wanted rows, in {rounds}"
    return [f"{reached}; missing: {where} ({why})"]


def diff(result: Result) -> str:
    """What two releases have that the other has not."""
    return "\n".join(lines(result))


def trained(result: Result) -> str:
    """What training took and gained, and where the model is; another process than the first has nothing to tell."""
    if "process" in result:
        return f"process {result['process']}: done"
    steps, left = f"{result['steps']:,} steps", f", {result['left_out']:,} rows left out" if result["left_out"] else ""
    lines = [
        f"{steps}, {result['tokens']:,} tokens in {result['seconds']:,.0f} s{left}; "
        f"loss {result['first_loss']:.4f} -> {result['last_loss']:.4f}"
    ]
    if scores := result["held_out"]:
        from pairsmith.curation.intervals import mean

        before, after = scores["before"], scores["after"]
        low, high = mean(after["ndcg"], after["queries"])
        lines.append(
            f"held-out rows ({after['queries']:,} queries): nDCG@10 {before['ndcg']:.4f} -> {after['ndcg']:.4f} "
            f"(of all such queries {low:.2f} to {high:.2f}), "
            f"recall@1 {before['recall']:.4f} -> {after['recall']:.4f}"
        )
    kind = "the whole model" if result["merged"] else "an adapter; --merge writes the whole model"
    lines.append(
        f"{result['model']}: {kind}; loaded by sentence-transformers, it differs by {result['difference']:.1e}"
    )
    return "\n".join(lines)


def embedded(result: Result) -> str:
    """Where the vectors are, and of what kind."""
    return f"{result['out']}: {result['texts']:,} vectors of {result['dimensions']:,} dimensions, {result['type']}"


def published(result: Result) -> str:
    """Where a release or a model is published, and that what is there is what was sent."""
    seen = "for all to see" if result["public"] else "private"
    done = "published" if result["new"] else "was published already"
    if "model" in result:
        compared = f"every file there is that of {result['model']}"
    else:
        compared = f"{result['rows']:,} rows were loaded from there and are those of the release"
    return f"{result['published']} {done} ({seen}), commit {result['commit']}\n{compared}"


def yanked(result: Result) -> str:
    """That a version is marked, and where."""
    return f"{result['published']} is yanked: its card and changelog say why (commit {result['commit']}); tags stay"


def pulled_release(result: Result) -> str:
    """Where a published version lies now."""
    done = "brought" if result["new"] else "was there already, unchanged"
    bad = f"\nyanked: {result['yanked']}" if result["yanked"] else ""
    return f"{result['folder']}: {result['published']} {done}, {result['rows']:,} rows, every file verified{bad}"


def served_hub(result: Result) -> str:
    """That the Hub has stopped, and how to have it back."""
    return f"Hub stopped; all of it is kept in {result['folder']}\nnext: pairsmith hub serve {result['folder']}"


def release(result: Result) -> str:
    """Where the release is, what changed, and what people's answers did to the accepted rows."""
    where = f"{result['run']}/{result['path']} ({result['change']})"
    return "\n".join([where, *([f"review    {decisions(result['review'])}"] if result["review"] else [])])


def decisions(result: Result) -> str:
    """How many accepted rows became what by people's answers."""
    gone = {
        "dropped by people": "dropped",
        "not corrected": "not_corrected",
        "dropped by a gate after correction": "failed",
    }
    lost = "".join(f" + {result[name]:,} {what}" for what, name in gone.items())
    marks = f"{result['kept']:,} of them kept by people, {result['corrected']:,} corrected"
    old = f"; {result['outdated']:,} answers are to earlier texts and do not count" if result["outdated"] else ""
    return f"accepted {result['accepted']:,} = released {result['released']:,} ({marks}){lost}{old}"


def check(result: Result) -> str:
    """What was found, in the format that was asked for."""
    wanted = dict(result)
    return FORMATS[wanted.pop("format")](wanted)


def path(result: Result) -> str:
    """Where the file is."""
    return f"{result['run']}/{result['path']}"


def line(result: Result) -> str:
    """The funnel and where everything lies."""
    where = {"run": result["run"]}
    spent = [f"cost      {paid(result['paid'])}"] if result["paid"]["requests"] else []
    paths = f"release   {release({**result['release'], **where})}\nreport    {path({**result['report'], **where})}"
    return "\n".join([funnel(result["funnel"]), *spent, paths])


def status(result: Result) -> str:
    """The stages, the journal, and the command that goes on."""
    stages = [f"  {name:<12}{state}" for name, state in result["stages"].items()]
    nothing = f"rows from {', '.join(result['rows'])}; no model is asked" if result["rows"] else "nothing asked yet"
    journal = counts(result["journal"]) if result["journal"] else nothing
    failures = [f"  {one['request_id']}: {one['reason']}: {one['detail']}" for one in result["failures"]]
    spent = [f"paid {paid(result['paid'])}"] if result["paid"]["requests"] else []
    return "\n".join([result["run"], *stages, journal, *spent, *failures, f"next: {result['next']}"])


def paid(result: Result) -> str:
    """Dollars, tokens and requests, by model, and what an accepted row cost."""
    tokens, each = result["tokens_in"] + result["tokens_out"], result["usd_per_accepted"]
    models = ", ".join(f"{one['model']}: {_price(one)}" for one in result["by_model"])
    said = f"{_price(result)}, {tokens:,} tokens in {result['requests']:,} requests ({models})"
    return said + (f", {dollars(each)} for each accepted row" if each is not None else "")


def _price(account: Result) -> str:
    """What is known of the price: ``at least`` where some of the requests have none."""
    if account["usd"] is None:
        return "price unknown"
    return ("at least " if account["unpriced"] else "") + dollars(account["usd"])


def score(result: Result) -> str:
    """What was caught of each planted defect, and what sound rows were lost."""
    lines = [f"{'defect':<26}{'caught':>8}{'of':>6}  by gate"]
    for kind, found in result["defects"].items():
        lines.append(f"{kind:<26}{found['caught']:>8}{found['total']:>6}  {counted(found['by_gate'])}")
    sound = result["sound"]
    share = sound["rejected"] / sound["total"] if sound["total"] else 0.0
    lines.append(f"{'sound rows rejected':<26}{sound['rejected']:>8}{sound['total']:>6}  {share:.1%}")
    for kind, found in result["variants"].items():
        lines.append(f"{f'  {kind} rejected':<26}{found['rejected']:>8}{found['total']:>6}")
    return "\n".join(lines)


def counted(numbers: dict[str, int]) -> str:
    """Each with its name: ``short_long 1,200, sts 300``."""
    return ", ".join(f"{name} {count:,}" for name, count in numbers.items())
