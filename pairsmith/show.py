"""What each command prints for a person; :func:`plain` is what ``--json`` prints."""

import json
from typing import Any

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
    lines.append("by group     " + _counts(result["by_group"]))
    lines.append("by language  " + _counts(result["by_language"]))
    if result["documents"]:
        lines.append("grounded     " + (_counts(result["grounded"]) or "none"))
        lines.append("documents    " + _counts(result["documents"]))
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
        lines.append(f"short: {_counts(result['short'])} requests find no task; {result['advice']}")
    return "\n".join(lines)


def counts(result: Result) -> str:
    """The accounting of the journal in one line."""
    failed = f" ({_counts(result['failed'])})" if result["failed"] else ""
    return (
        f"asked {result['asked']:,} = answered {result['answered']:,} + failed {sum(result['failed'].values()):,}{failed}"
        f" + pending {result['pending']:,}" + (f"; {result['held']}" if result.get("held") else "")
    )


def funnel(result: Result) -> str:
    """What each gate dropped and why, down to what was accepted."""
    lines = [counts(result)]
    for gate in result["gates"]:
        head = f"  {gate['gate']:<14}{gate['judged']:>9,} judged {gate['dropped']:>8,} dropped"
        lines.append(f"{head}  {_counts(gate['reasons'])}".rstrip())
    lines.append(f"answered {result['answered']:,} = accepted {result['accepted']:,} + rejected {result['rejected']:,}")
    return "\n".join(lines + target(result["target"]))


def target(result: Result) -> list[str]:
    """How far the target is met, where there is one."""
    if not result:
        return []
    missing = sum(result["missing"].values())
    rounds = f"{result['rounds']} round" + ("s" if result["rounds"] > 1 else "")
    if not missing:
        return [f"target    {result['wanted']:,} of {result['wanted']:,} wanted rows, in {rounds}"]
    where = _counts(dict(list(result["missing"].items())[:5])) + (" ..." if len(result["missing"]) > 5 else "")
    return [
        f"target    {result['wanted'] - missing:,} of {result['wanted']:,} wanted rows, in {rounds}; missing: {where}"
    ]


def release(result: Result) -> str:
    """Where the release is, and what changed."""
    return f"{result['run']}/{result['path']} ({result['change']})"


def path(result: Result) -> str:
    """Where the file is."""
    return f"{result['run']}/{result['path']}"


def line(result: Result) -> str:
    """The funnel and where everything lies."""
    where = {"run": result["run"]}
    paths = f"release   {release({**result['release'], **where})}\nreport    {path({**result['report'], **where})}"
    return f"{funnel(result['funnel'])}\n{paths}"


def status(result: Result) -> str:
    """The stages, the journal, and the command that goes on."""
    stages = [f"  {name:<12}{state}" for name, state in result["stages"].items()]
    journal = counts(result["journal"]) if result["journal"] else "nothing asked yet"
    failures = [f"  {one['request_id']}: {one['reason']}: {one['detail']}" for one in result["failures"]]
    return "\n".join([result["run"], *stages, journal, *failures, f"next: {result['next']}"])


def score(result: Result) -> str:
    """What was caught of each planted defect, and what sound rows were lost."""
    lines = [f"{'defect':<26}{'caught':>8}{'of':>6}  by gate"]
    for kind, found in result["defects"].items():
        lines.append(f"{kind:<26}{found['caught']:>8}{found['total']:>6}  {_counts(found['by_gate'])}")
    sound = result["sound"]
    share = sound["rejected"] / sound["total"] if sound["total"] else 0.0
    lines.append(f"{'sound rows rejected':<26}{sound['rejected']:>8}{sound['total']:>6}  {share:.1%}")
    for kind, found in result["variants"].items():
        lines.append(f"{f'  {kind} rejected':<26}{found['rejected']:>8}{found['total']:>6}")
    return "\n".join(lines)


def _counts(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in numbers.items())
