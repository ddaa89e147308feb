"""Prometheus' text format, read as strictly as the tests need it."""

import re

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """`types` by family; `samples` as (name, labels, value)."""

    def __init__(self, text):
        self.types, self.samples = {}, []
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.types[name] = kind
            elif line and not line.startswith("#"):
                found = SAMPLE.match(line)
                if not found:
                    raise ValueError(f"no sample: {line!r}")
                self.samples.append((found[1], dict(LABEL.findall(found[2] or "")), float(found[3])))

    @property
    def names(self):
        return {name for name, _, _ in self.samples}

    def sum(self, name, **labels):
        """Of all samples with these labels; None when there is none."""
        values = [value for key, own, value in self.samples
                  if key == name and all(own.get(label) == wanted for label, wanted in labels.items())]
        return sum(values) if values else None


def of(daemon):
    answer = daemon.control.get("/metrics")
    if answer.status != 200:
        raise AssertionError(f"/metrics: {answer}")
    return Metrics(answer.body.decode())
