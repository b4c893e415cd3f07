#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Joins what bench_cuda.sh has collected in a folder into one table in Markdown.

usage: bench_cuda_table.py FOLDER > TABLE.md

FOLDER holds, as far as the parts have run: ours.jsonl (bench_cuda --json), torch.jsonl
(bench_cuda.py), results.tsv (part, suite, outcome, detail: one line a check), versions.tsv (name,
value), left_out.txt (one sentence a line). What is missing is said to be missing.
"""
import json
import pathlib
import re
import sys
from datetime import datetime, timezone

# name, start of the shape, least ratio of PyTorch's eager time to ours, faster than torch.compile
GRU = "T16000 C64 H128 D2"
SEED = "T16000 I4 K15 C64 H128 O4"
GOALS = [("gru_forward", f"B1 {GRU}", 8, False), ("gru_forward", f"B32 {GRU}", 8, False),
         ("gru_training", f"B8 {GRU}", 5, False), ("gru_training", f"B32 {GRU}", 5, False),
         ("refiner_step", f"B8 {SEED}", 5, True), ("refiner_step", f"B32 {SEED}", 5, True)]
WHOLE = ("refiner_inference", "v2s_inference", "refiner_step", "v2s_step")
CHECKS = ("test", "memcheck", "racecheck", "initcheck", "synccheck")


def lines_of(path, split):
    if not path.exists():
        return []
    with open(path, encoding="utf-8") as lines:
        return [split(line.rstrip("\n")) for line in lines if line.strip()]


MEASURED = True  # False: no number may be taken for a measurement, so none is shown


def us(seconds):
    if not seconds:
        return "-"
    if not MEASURED:
        return "ran"
    value = 1e6 * seconds
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def ratio(other, ours):
    return f"{other / ours:.2f}" if other and ours and MEASURED else "-"


def table(head, rows):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return out + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows] + [""]


class Report:
    def __init__(self, folder):
        self.ours = lines_of(folder / "ours.jsonl", json.loads)
        self.torch_rows = lines_of(folder / "torch.jsonl", json.loads)
        self.results = lines_of(folder / "results.tsv", lambda line: line.split("\t"))
        self.versions = lines_of(folder / "versions.tsv", lambda line: line.split("\t"))
        self.left_out = lines_of(folder / "left_out.txt", str)
        self.theirs = {(r["name"], r.get("shape"), r.get("precision"), r.get("variant")): r
                       for r in self.torch_rows}
        devices = [r for r in self.ours if r["name"] == "device"]
        global MEASURED
        MEASURED = bool(devices) and all(r["measured"] for r in devices)
        self.device = devices[0]["line"] if devices else "none: bench_cuda has not run"
        self.rows, seen = [], set()
        for r in self.ours:  # every group measures the ceilings again
            key = tuple(r.get(k) for k in ("name", "shape", "precision", "path"))
            if r["name"] != "device" and key not in seen:
                seen.add(key)
                self.rows.append(r)

    def torch(self, row, variant="eager"):
        found = self.theirs.get((row["name"], row["shape"], row["precision"], variant), {})
        return found.get("seconds")

    def fastest(self, name, shape):
        """Our time in float32, by whichever kernels are the fastest."""
        rows = [r for r in self.rows if (r["name"], r["shape"], r["precision"]) ==
                (name, shape, "f32") and r["seconds"]]
        return min(rows, key=lambda r: r["seconds"], default=None)

    # ---- sections -------------------------------------------------------------------------------

    def head(self):
        today = datetime.now(timezone.utc).strftime("%Y-%m-%d")
        word = "" if MEASURED else ": emulated: not a measurement" \
            if "emulated" in self.device else ": not a measurement"
        out = [f"# Benchmarks on a GPU, {today}{word}", ""]
        if not MEASURED:
            out += ["**No GPU was measured here: the tables only show what has run.**", ""]
        out += [f"- device: {self.device}"]
        out += [f"- {name}: {value}" for name, value in self.versions]
        meta = next((r for r in self.torch_rows if r["name"] == "pytorch"), None)
        if meta is not None:
            out += [f"- PyTorch: {meta['version']}, CUDA {meta['cuda']}, cuDNN {meta['cudnn']}, on "
                    f"{meta['device']}"]
        return out + ["", "Times are medians, in microseconds a call. The share is that of the "
                      "nearer of the machine's own ceilings (the rows `copy` and `product`).", ""]

    def verdict(self, ours, eager, compiled, least, beat_compile):
        if not MEASURED:
            return "not a measurement"
        if not ours or not eager or (beat_compile and not compiled):
            return "not measured"
        return "yes" if eager / ours >= least and (not beat_compile or compiled > ours) else "no"

    def goals(self):
        rows = []
        for name, shape, least, beat_compile in GOALS:
            row = self.fastest(name, shape) or {"name": name, "shape": shape, "precision": "f32",
                                                "seconds": None, "path": ""}
            ours, eager = row["seconds"], self.torch(row)
            modes = [self.torch(row, mode) for mode in ("compile", "reduce-overhead")]
            compiled = min((t for t in modes if t), default=None) if beat_compile else None
            goal = f">= {least} x eager" + (", faster than compile" if beat_compile else "")
            rows.append([name, shape, us(ours), row["path"] or "-", us(eager), ratio(eager, ours),
                         us(compiled), ratio(compiled, ours), goal,
                         self.verdict(ours, eager, compiled, least, beat_compile)])
        return ["## Goals", ""] + table(["what", "shape", "ours", "kernels", "PyTorch eager",
                                         "ratio", "best of compile", "ratio", "goal", "met"], rows)

    def whole(self):
        rows = []
        for r in self.rows:
            if r["name"] not in WHOLE:
                continue
            limit = f" (limit {r['step_limit_us']:.3f})" if r.get("step_limit_us") else ""
            step = f"{r['step_us']:.3f}{limit}" if r.get("step_us") and MEASURED else "-"
            times = [self.torch(r, v) for v in ("eager", "graph", "compile", "reduce-overhead")]
            rows.append([r["name"], r["shape"], r["precision"], us(r["seconds"]), step,
                         *(us(t) for t in times), ratio(times[0], r["seconds"]),
                         ratio(times[2], r["seconds"])])
        return ["## Whole refiners", ""] + table(
            ["what", "shape", "", "ours", "us a time step", "eager", "eager as a CUDA graph",
             "compile", "reduce-overhead", "eager / ours", "compile / ours"], rows) + [
            "The limit of a time step is that of the recurrent products alone, at the largest "
            "clock, with a walk forward and, in training, one back. `v2s_step` has the loss of "
            "bands here and a squared distance in PyTorch.", ""]

    def operations(self):
        rows = []
        for r in self.rows:
            if r["name"] in WHOLE:
                continue
            t = r["seconds"] if MEASURED else None
            share = f"{100 * r['limit_s'] / t:.0f} % {r['bound']}" if t and r["limit_s"] else "-"
            if t and r.get("step_us"):
                limit = f", limit {r['step_limit_us']:.3f}" if r.get("step_limit_us") else ""
                share += f"; {r['step_us']:.3f} us a step{limit}"
            rows.append([r["name"] + (f" ({r['path']})" if r["path"] else ""), r["shape"],
                         r["precision"], us(r["seconds"]),
                         f"{r['flops'] / t / 1e9:.0f}" if t else "-",
                         f"{r['bytes'] / t / 1e9:.0f}" if t else "-", share, us(self.torch(r)),
                         ratio(self.torch(r), t)])
        return ["## Operations", ""] + table(
            ["operation", "shape", "", "ours", "GFLOP/s", "GB/s", "share of the limit", "PyTorch",
             "PyTorch / ours"], rows)

    def checks(self):
        suites = sorted({r[1] for r in self.results})
        outcome = {(r[0], r[1]): r[2] for r in self.results}
        rows = [[s, *(outcome.get((c, s), "-") for c in CHECKS)] for s in suites]
        out = ["## Tests and compute-sanitizer", ""]
        out += table(["suite", *CHECKS], rows) if rows else ["Not run.", ""]
        bad = [r for r in self.results if r[2] not in ("passed", "clean")]
        return out + [f"- {r[0]} {r[1]}: {r[2]}{': ' + r[3] if len(r) > 3 and r[3] else ''}"
                      for r in bad] + ([""] if bad else [])

    def troubles(self):
        out = list(self.left_out)
        for who, rows in (("bench_cuda", self.rows), ("PyTorch", self.torch_rows)):
            for r in rows:
                what = " ".join(str(r[k]) for k in ("name", "shape", "precision", "variant")
                                if r.get(k))
                if r.get("failed"):
                    why = re.sub(r"[|\s]+", " ", r["failed"])
                    out.append(f"{who}: {what} failed: {why}")
                elif r.get("left_out"):
                    out.append(f"{who}: {what}: no time left")
        return ["## Failed or left out", ""] + [f"- {line}" for line in out or ["nothing"]] + [""]

    def text(self):
        timed = [r for r in self.rows if r.get("seconds")]
        self.rows, all_rows = timed, self.rows
        out = self.head() + self.goals() + self.whole() + self.operations() + self.checks()
        self.rows = all_rows
        return "\n".join(out + self.troubles())


if __name__ == "__main__":
    print(Report(pathlib.Path(sys.argv[1])).text(), end="")
