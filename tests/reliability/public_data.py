"""A small valid download of every public data set, one member of it to be damaged."""

import io
import wave
import zipfile

import numpy as np
from hypothesis import strategies as st
from scipy.io import savemat

from keras_dcat import datasets
from tests.reliability.corruption import Specimen, damaged_text
from tests.reliability.specimens import looked_at_recordings

_RNG = np.random.default_rng(0)
_MMEA = "1_upstairs/1_upstairs_2020_12_30_15_36_01"


def of_public_data():
    """Specimens by data set and by what of it is damaged."""
    made = {}
    for name, (files, damaged, load, classes) in _downloads().items():
        for member in damaged:
            is_text = member.endswith((".txt", ".csv", ".log", ".dat"))
            made[f"{name}: {member}"] = Specimen(
                files,
                member,
                _reading(load, classes, ""),
                structured=damaged_text(files[member]) if is_text else st.nothing(),
            )
    for name in ("mhealth", "utd_mhad"):
        files, _, load, classes = _downloads()[name]
        for packed, method in (("stored", 0), ("packed", zipfile.ZIP_DEFLATED)):
            made[f"{name}: {packed} zip"] = Specimen(
                {"data.zip": _zip(files, method)},
                "data.zip",
                _reading(load, classes, "data.zip"),
            )
    return made


def _reading(load, classes, path):
    return lambda folder: looked_at_recordings(load(folder / path), classes)


def _zip(files, method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def _text(table, delimiter=" ", fmt="%.5g", **options):
    file = io.BytesIO()
    np.savetxt(file, table, fmt, delimiter, **options)
    return file.getvalue()


def _mat(**arrays):
    file = io.BytesIO()
    savemat(file, arrays, do_compression=True)
    return file.getvalue()


def _wav():
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(_RNG.integers(-999, 999, 400).astype("<i2").tobytes())
    return file.getvalue()


def _mhealth():
    table = _RNG.normal(size=(8, 24))
    table[:, 23] = [0, 1, 1, 2, 2, 12, 12, 0]
    name = "MHEALTHDATASET/mHealth_subject1.log"
    return {name: _text(table, "\t")}, [name], datasets.load_mhealth, 12


def _pamap2():
    table = _RNG.normal(size=(6, 54))
    table[:, 0], table[:, 1] = 8.38 + np.arange(6) / 100, [0, 1, 1, 24, 24, 0]
    table[2, 5] = np.nan
    name = "PAMAP2_Dataset/Protocol/subject101.dat"
    return {name: _text(table)}, [name], datasets.load_pamap2, 12


def _sp_sw_har():
    header = "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label\n"
    row = "-4.16,-1.18,-8.99,0.0028,-0.0138,-0.0321,1657533977{},{}\n"
    ends = [("813", "SEATED"), ("823", "STANDING_UP"), ("833", "WALKING")]
    text = (header + "".join(row.format(*end) for end in ends)).encode()
    names = [f"DATA/s01/s01_01_{device}.csv" for device in ("sp", "sw")]
    files = dict.fromkeys(names, text)
    return files, names[1:], datasets.load_sp_sw_har, 5


def _sisfall():
    name = "SA01/F01_SA01_R01.txt"
    text = _text(_RNG.integers(-999, 999, (8, 9)), ",", "%d", newline=";\n")
    return {name: text}, [name], _falls, 34


def _smaller_sisfall():
    file = io.BytesIO()
    np.savez(
        file,
        values=_RNG.integers(-999, 999, (9, 9), "int16"),
        offsets=[0, 4, 9],
        activity=["D01", "F15"],
        subject=["SA01", "SE06"],
        trial=[1, 5],
    )

    def load(folder):
        return _falls(folder / "sisfall.npz")

    return {"sisfall.npz": file.getvalue()}, ["sisfall.npz"], load, 34


def _falls(path):
    return datasets.label_falls(datasets.load_sisfall(path))


def _spoken_digits():
    name = "recordings/7_theo_32.wav"
    return {name: _wav()}, [name], datasets.load_spoken_digits, 10


def _uci_har():
    files = {}
    for part, labels in (("train", [5, 1, 6]), ("test", [2, 3])):
        root = f"UCI HAR Dataset/{part}"
        files[f"{root}/y_{part}.txt"] = _text(labels, fmt="%d")
        files[f"{root}/subject_{part}.txt"] = _text(labels, fmt="%d")
        for signal in ("body_acc", "body_gyro", "total_acc"):
            for axis in "xyz":
                name = f"{root}/Inertial Signals/{signal}_{axis}_{part}.txt"
                files[name] = _text(_RNG.normal(size=(len(labels), 128)))
    root = "UCI HAR Dataset/train"
    damaged = [f"{root}/y_train.txt", f"{root}/subject_train.txt"]
    damaged.append(f"{root}/Inertial Signals/total_acc_x_train.txt")
    return files, damaged, datasets.load_uci_har, 6


def _uci_hapt():
    files = {
        f"RawData/{sensor}_exp01_user01.txt": _text(_RNG.normal(size=(40, 3)))
        for sensor in ("acc", "gyro")
    }
    damaged = ["RawData/labels.txt", "RawData/acc_exp01_user01.txt"]
    files[damaged[0]] = _text([[1, 1, 5, 1, 20], [1, 1, 7, 21, 30]], fmt="%d")
    return files, damaged, datasets.load_uci_hapt, 12


def _uestc_mmea():
    sensor = f"sensor/{_MMEA}.csv"
    files = {
        "train.txt": f"your_path/data/{_MMEA} 5 5 0\n".encode(),
        "val.txt": b"",
        "test.txt": b"",
        sensor: _text(_RNG.integers(-999, 999, (5, 6)), ",", "%d"),
    }
    return files, ["train.txt", sensor], datasets.load_uestc_mmea, 32


def _utd_mhad():
    names = {kind: f"a3_s2_t1_{kind}.mat" for kind in ("skeleton", "inertial", "depth")}
    files = {
        names["skeleton"]: _mat(d_skel=_RNG.normal(size=(20, 3, 12))),
        names["inertial"]: _mat(d_iner=_RNG.normal(size=(30, 6))),
        names["depth"]: _mat(d_depth=_RNG.integers(0, 4000, (6, 8, 12), "uint16")),
    }
    return files, list(files), datasets.load_utd_mhad, 27


def _smaller_videos():
    files, _, _, classes = _utd_mhad()
    file = io.BytesIO()
    np.savez(
        file,
        depth=np.arange(28, dtype="uint8").reshape(7, 2, 2),
        depth_offsets=[0, 3, 7],
        action=[1, 3],
        subject=[1, 2],
        trial=[1, 1],
    )
    files["depth.npz"] = file.getvalue()

    def load(folder):
        return datasets.load_utd_mhad(folder, depth=folder / "depth.npz")

    return files, ["depth.npz"], load, classes


def _watch():
    def load(folder):
        return datasets.load_watch(folder / "watch_dataset.npy")

    return {"watch_dataset.npy": b"\x93NUMPY" * 9}, ["watch_dataset.npy"], load, 7


def _downloads():
    return {
        "mhealth": _mhealth(),
        "pamap2": _pamap2(),
        "sisfall": _sisfall(),
        "sisfall, smaller": _smaller_sisfall(),
        "sp_sw_har": _sp_sw_har(),
        "spoken_digits": _spoken_digits(),
        "uci_hapt": _uci_hapt(),
        "uci_har": _uci_har(),
        "uestc_mmea": _uestc_mmea(),
        "utd_mhad": _utd_mhad(),
        "utd_mhad, smaller videos": _smaller_videos(),
        "watch": _watch(),
    }
