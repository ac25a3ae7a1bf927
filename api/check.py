"""What looks wrong in a store, told by the command: as a list for people, as JSON, as JSON Lines."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from graph.engine import Finding
from graph.errors import on_one_line
from graph.vocabulary import FindingSeverity

FORMATS = ("text", "json", "jsonl")

encode = msgspec.json.Encoder().encode


class Checked:
    """The findings of one version of a store."""

    def __init__(self, findings: Sequence[Finding], version: int) -> None:
        self.findings = findings
        self.version = version
        self.counts = Counter((finding.rule, finding.severity) for finding in findings)

    @property
    def has_errors(self) -> bool:
        return any(severity is FindingSeverity.ERROR for _, severity in self.counts)

    def rows(self, format: str) -> Iterator[bytes]:
        """What is printed, a row at a time; JSON Lines have no summary, as each is a finding."""
        if format == "json":
            summary = [
                {"rule": rule, "severity": severity, "count": count} for (rule, severity), count in self.counts.items()
            ]
            told = [finding._asdict() for finding in self.findings]
            yield encode({"version": self.version, "summary": summary, "findings": told}) + b"\n"
            return
        for finding in self.findings:
            if format == "jsonl":
                yield encode(finding._asdict()) + b"\n"
            else:
                row = on_one_line(f"{finding.severity} {finding.rule}: {finding.message}")
                yield row.encode(errors="backslashreplace") + b"\n"
        if format == "text":
            yield ("\n" * bool(self.findings) + self.summary).encode()

    @property
    def summary(self) -> str:
        """How many findings there are, by severity and by rule."""
        total = len(self.findings)
        if not total:
            return f"Nothing looks wrong at version {self.version}.\n"
        severities = Counter(finding.severity for finding in self.findings)
        told = ", ".join(f"{severities[severity]:,} {severity}" for severity in reversed(FindingSeverity))
        width = max(len(rule) for rule, _ in self.counts)
        rows = [f"  {rule:{width}}  {severity!s:7}  {count:,}\n" for (rule, severity), count in self.counts.items()]
        return f"{total:,} finding{'s' * (total > 1)} at version {self.version}: {told}.\n{''.join(rows)}"
