"""report - figures as lines of JSON, and a table of them with the ratio to "limit"."""
import json
import os


def percentile(values, p):
    """Nearest rank; values sorted."""
    return values[max(0, min(len(values) - 1, -(-len(values) * p // 100) - 1))]


class Report:
    """Collects figures; save() writes build/bench.jsonl, table() prints."""

    def __init__(self, path):
        self.path = path
        self.rows = []
        self.notes = []

    def add(self, work, case, who, unit, values):
        """A series, or a single figure."""
        row = {"work": work, "case": case, "who": who, "unit": unit}
        if isinstance(values, (int, float)):
            row.update(n=1, p50=round(values, 2))
        else:
            v = sorted(values)
            row.update(n=len(v), min=v[0], p50=percentile(v, 50), p90=percentile(v, 90),
                       p99=percentile(v, 99), max=v[-1])
        self.rows.append(row)

    def take(self, text):
        """Rows that a program printed as lines of JSON."""
        for line in text.splitlines():
            if line.startswith("{"):
                self.rows.append(json.loads(line))

    def note(self, text):
        """What was left out, or went wrong; printed under the table."""
        self.notes.append(text)

    def save(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, "w") as f:
            for row in self.rows:
                f.write(json.dumps(row) + "\n")

    @staticmethod
    def figure(row):
        """What is compared: medians; means where the promise is one on means (detect)."""
        return row.get("mean", row["p50"])

    def ratio(self, row):
        limit = [r for r in self.rows if r["who"] == "limit" and
                 (r["work"], r["case"]) == (row["work"], row["case"])]
        if not limit or limit[0] is row or not self.figure(limit[0]):
            return ""
        return "%.2f" % (self.figure(row) / self.figure(limit[0]))

    def table(self):
        def text(x):
            return "-" if x is None else "%.0f" % x if abs(x) >= 1000 else "%.4g" % x

        head = ["work", "case", "who", "n", "min", "p50", "p90", "p99", "max", "unit", "x limit"]
        lines = [head]
        for r in self.rows:
            lines.append([r["work"], r["case"], r["who"], str(r["n"])] +
                         [text(r.get(k)) for k in ("min", "p50", "p90", "p99", "max")] +
                         [r["unit"], self.ratio(r)])
        width = [max(len(l[i]) for l in lines) for i in range(len(head))]
        for l in lines:
            print("  ".join(c.rjust(w) if 3 <= i <= 8 or i == 10 else c.ljust(w)
                            for i, (c, w) in enumerate(zip(l, width))).rstrip())
        for n in self.notes:
            print("note: " + n)
