"""An experiment of two sensors in CSV files, as users have them."""

import numpy as np
import yaml

PLAN = {
    "source": "camera",
    "target": "watch",
    "windows": {"length": 1.0, "stride": 1.0},
    "split": {"test": ["p4", "p5"], "validation": ["p3"]},
    "encoders": {"camera": {"size": "tiny"}, "watch": {"size": "tiny"}},
    "training": {
        "epochs": 1,
        "min_steps": 1,
        "batch_size": 16,
        "key_dim": 4,
        "seeds": [0, 1],
    },
    "about": {"Data": "Six people who turn.", "Limits": "None of them is real."},
}
NAMES = ("run", "sit", "walk")


def write_sessions(folder, people=6, trials=2):
    """A table of sessions and its files: the class is how fast a sensor turns."""
    rng = np.random.default_rng(0)
    rows = ["session,subject,label,camera,watch"]
    for who in range(people):
        for turns, label in enumerate(("sit", "walk", "run")):
            for trial in range(trials):
                name = f"{who}-{label}-{trial}"
                for device, rate in (("camera", 16), ("watch", 32)):
                    seconds = np.arange(4 * rate) / rate
                    angle = 2 * np.pi * turns * seconds[:, None] + np.arange(2)
                    values = 5 + 3 * np.sin(angle) + rng.normal(size=angle.shape)
                    columns = [1000 * seconds[:, None], values]
                    np.savetxt(
                        folder / f"{name}_{device}.csv",
                        np.hstack(columns),
                        delimiter=",",
                        header="ms,x,y",
                        comments="",
                    )
                files = f"{name}_camera.csv,{name}_watch.csv"
                rows.append(f"{name},p{who},{label},{files}")
    path = folder / "sessions.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def write_experiment(folder, **changes):
    """An experiment file beside such a table."""
    table = {"columns": ["x", "y"], "rate": 16}
    timed = {"columns": ["x", "y"], "rate": 32, "time": "ms", "time_unit": 0.001}
    data = {
        "recordings": str(folder / "sessions.csv"),
        "streams": {"camera": table, "watch": timed},
    }
    plan = {"data": data, **PLAN, "output": str(folder / "out"), **changes}
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    return path
