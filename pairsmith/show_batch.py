"""What the commands of batch files print: what was written, submitted and brought in."""

from pairsmith.show import Result, among, counted


def export(result: Result) -> str:
    """The files that were written, what they hold and cost, and what to do with them."""
    lines = [_exported(file) for file in result["files"]] or ["nothing is pending that is in no batch"]
    if result["in_batch"]:
        lines.append(f"{result['in_batch']:,} are in batches already")
    return "\n".join([*lines, *result["notes"], f"next: {result['next']}"])


def _exported(file: Result) -> str:
    cost = "cost unknown" if file["cost"] is None else f"about ${file['cost']:,.2f} by Batch API"
    tokens = f"about {file['tokens_in']:,} tokens in, {file['tokens_out']:,} out"
    return f"{file['file']}: {file['requests']:,} requests to {file['model']}, {file['bytes'] / 1e6:,.1f} MB, {tokens}, {cost}"


def submit(result: Result) -> str:
    """What was submitted."""
    lines = [
        f"{one['file']}: {one['requests']:,} requests to {one['model']} as {one['batch']}"
        for one in result["submitted"]
    ]
    return "\n".join([*(lines or ["nothing to submit"]), f"open batches: {result['open']}", f"next: {result['next']}"])


def collect(result: Result) -> str:
    """How each batch stands, what came, and what goes on."""
    lines = [f"{one['file']}: {one['status']}{_detail(one)}" for one in result["batches"]]
    lines.append(f"answered {result['answered']:,}, failed {sum(result['failed'].values()):,}{among(result['failed'])}")
    if result["waiting"]:
        lines.append(f"pending again: {counted(result['waiting'])}")
    for name, what in _ODD_LINES.items():
        if result[name]:
            lines.append(f"{what}: {result[name]:,}")
    lines += [f"  {line}" for line in result["bad"]]
    lines.append(f"open batches: {result['open']}; pending requests: {result['pending']:,}")
    return "\n".join([*lines, f"next: {result['next']}"])


_ODD_LINES = {
    "again": "lines that bring nothing new",
    "unknown": "lines for requests that this run never asked, left out",
    "unreadable": "lines that cannot be read, left out",
}


def _detail(one: Result) -> str:
    counts = f", answered {one['answered']:,}, failed {one['failed']:,}" if "answered" in one else ""
    return f"{counts}; {one['detail']}" if one["detail"] else counts


def convert(result: Result) -> str:
    """What was written, and what held no answer."""
    kind = "an output file of a batch" if result["to"] == "batch" else "recorded answers"
    lines = [f"{result['path']}: {result['answers']:,} answers, as {kind}"]
    if result["left_out"]:
        lines.append(f"left out: {counted(result['left_out'])}")
    return "\n".join(lines + result["bad"])
