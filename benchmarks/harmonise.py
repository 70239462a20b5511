"""Are voices under held-out melodies led as their composer leads them?

    python benchmarks/harmonise.py RUN [--seeds 3] [--picture FILE.png]

RUN is one of `reverie fit jsb-chorales --given melody`. Each held-out chorale's soprano is harmonised in four voices at
several temperatures; that every soprano note is kept, and that four pitches sound wherever there is one, is asserted.
Then the share of changes of chord that hold parallel fifths or octaves, beside that of the chorales themselves. With
--picture: one soprano harmonised, beside Bach's own setting. Some minutes on one core.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

import tables
from reverie.kinds.music.led import melody
from reverie.kinds.music.page import show
from reverie.kinds.music.piece import Piece
from reverie.metrics.music.histograms import apart, progressions, shapes
from reverie.metrics.music.leading import PARALLELS, faults, of
from reverie.tasks.harmonise import Asked, harmonised
from reverie.training.run import Run

WAYS = ((0.8, False), (0.8, True), (1.0, False), (1.0, True))  # temperature; as the model has it
SHOWN = 5  # which of the held-out chorales the picture has


def checked(made: Sequence[Piece], tunes: Sequence[Piece]) -> None:
    """Every note of every melody is the highest, with three below."""
    for piece, tune in zip(made, tunes, strict=True):
        own, wanted = piece.frames(), tune.frames()
        assert [frame[:1] for frame in own] == wanted, piece.name
        assert {len(frame) for frame in own if frame} == {4}, piece.name


def row(name: str, pieces: Sequence[Piece], real: Sequence[Piece], nats: float | None) -> dict[str, str]:
    found = {what: of(pieces, faults(sizes)) for what, sizes in PARALLELS.items()}
    cells = {what: f"{100 * rate[0]:.2f}" for what, rate in found.items() if rate}
    both, own = found["parallels"], of(real, faults(PARALLELS["parallels"]))
    assert both is not None
    assert own is not None
    return {
        "voices of": name,
        "fifths, %": cells["parallel_fifths"],
        "octaves, %": cells["parallel_octaves"],
        "either, %": cells["parallels"],
        "95 %": f"{100 * both[1]:.2f} to {100 * both[2]:.2f}",
        "times Bach's": f"{both[0] / own[0]:.2f}",
        "chords, bits": f"{apart(pieces, real, shapes):.3f}",
        "pairs of chords, bits": f"{apart(pieces, real, progressions):.3f}",
        "nats a step": "" if nats is None else f"{nats:.2f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--picture")
    args = parser.parse_args()
    run = Run.open(args.run)
    held_out = run.prepared.held_out
    real = held_out.raw(torch.arange(len(held_out)))
    tunes = [melody(piece) for piece in real]
    rows = [row("Bach", real, real, None)]
    for temperature, free in WAYS:
        made: list[Piece] = []
        nats: list[float] = []
        for seed in range(args.seeds):
            found = harmonised(run, tunes, Asked(seed=seed, how={"temperature": temperature}, free=free))
            checked(found.pieces, found.melodies)
            made, nats = made + found.pieces, nats + found.nats
        rows.append(row(f"temperature {temperature}{', free' if free else ''}", made, real, sum(nats) / len(nats)))
        print(rows[-1], flush=True)
        if args.picture and len(rows) == 2:  # of the first way and seed
            show([made[SHOWN], real[SHOWN]], Path(args.picture))
    kept = sum(len(tune.notes) for tune in tunes)
    where = Path(run.info["source"]["where"]).name
    said = (
        f"By `python benchmarks/harmonise.py RUN --seeds {args.seeds}`: {run.info['model']} after {run.step:,} steps "
        f"on {where}, which was given melodies; the {len(tunes)} held-out sopranos, all {kept:,} notes of them kept, "
        "with three voices below each. Share of changes of chord that hold parallel fifths, octaves, or either; its "
        "95 % interval is over pieces. Chords (pitch classes above the bass) and pairs of them: Jensen-Shannon "
        "divergence from Bach's."
    )
    print(tables.write("harmonise", "Voices under Bach's sopranos, beside Bach's own", said, rows))


if __name__ == "__main__":
    main()
