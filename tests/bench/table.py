# SPDX-License-Identifier: ISC
"""One table of all that was measured."""
from dataclasses import dataclass, field
from statistics import median

REFERENCE = "nginx"


@dataclass
class Result:
    """Of one round: what a unit cost (CPU seconds, or KiB), units a second, seconds of each operation."""
    cost: float
    rate: float = 0
    latencies: list = field(default_factory=list)


def quantile_ms(rounds, q):
    """Of each round, and the median of these."""
    def of(latencies):
        return sorted(latencies)[min(len(latencies) - 1, int(len(latencies) * q))] * 1000
    return median(of(r.latencies) for r in rounds)


def ratio(rounds, reference):
    """What the proxy cost beside the reference in the same round; the median of these."""
    return median(ours.cost / theirs.cost for ours, theirs in zip(rounds, reference))


def row(name, rounds, reference, memory):
    cells = [f"{median(r.cost for r in rounds):.4g}"]
    cells.append(f"{ratio(rounds, reference):.2f}" if reference else "")
    if not memory:
        cells.append(f"{median(r.rate for r in rounds):.4g}")
        cells += [f"{quantile_ms(rounds, q):.3g}" for q in (0.5, 0.99)]
    return f"  {name:<12}" + "".join(f"{cell:>12}" for cell in cells)


def show(results, cases):
    print(f"\n{'':14}{'CPU s':>12}{'to nginx':>12}{'rate /s':>12}{'p50 ms':>12}{'p99 ms':>12}")
    for name, by_proxy in results.items():
        case = cases[name]
        of = "KiB" if case.memory else "CPU s"
        print(f"{name}: {case.about}; {of} per {case.unit}")
        for proxy, rounds in by_proxy.items():
            print(row(proxy, rounds, by_proxy.get(REFERENCE), case.memory))
