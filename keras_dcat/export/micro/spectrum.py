"""A spectrum that stays outside of a model: small devices have no such operation."""

import dataclasses

import keras
from keras import layers


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """How firmware makes of a window of sound what the model takes.

    Attributes:
        sampling_rate: int. Samples per second, in Hz.
        frame: int. Samples of a frame, weighted by `window`.
        fft: int. Points of its Fourier transform.
        step: int. Samples from frame to frame; the first is centred on the first
            sample, and beyond both ends samples are mirrored.
        window: str. Name of the weights, periodic.
        bands: int. Triangular mel bands, as in HTK, each 1 at its peak.
        lowest: float. Lower edge of the first band, in Hz.
        highest: float. Upper edge of the last band, in Hz.
        exponent: float. Of the magnitudes that a band sums up; 2 for power.
        least: float. Power below which all is this.
        decibels: bool. Whether the model takes 10 · log10 of it.
        frames: int. How many there are of a window.
    """

    sampling_rate: int
    frame: int
    fft: int
    step: int
    window: str
    bands: int
    lowest: float
    highest: float
    exponent: float
    least: float
    decibels: bool
    frames: int

    def __str__(self) -> str:
        scale = "10 · log10 of them" if self.decibels else "as they are"
        return (
            f"{self.frames} frames of {self.frame} samples at {self.sampling_rate} Hz, "
            f"one every {self.step}, weighted by a {self.window} window, the first "
            "centred on the first sample and samples mirrored beyond both ends; "
            f"{self.fft} points of FFT; magnitudes to the power of {self.exponent:g}, "
            f"summed into {self.bands} triangular mel bands (HTK) from "
            f"{self.lowest:g} to {self.highest:g} Hz, each 1 at its peak; at least "
            f"{self.least:g}; {scale}. Input of the model: bands × frames"
        )


def split(
    serving: keras.Model,
) -> tuple[keras.Model | None, keras.Model, Spectrum | None]:
    """A model in two, where its first layer of sound makes a mel spectrum.

    Args:
        serving: `keras.Model`, as of `serving_model`.

    Returns:
        tuple of a `keras.Model` from windows to spectra, one from spectra to what the
        model says, and `Spectrum`. Of a model without a spectrum, `None`, the model
        itself and `None`.

    Raises:
        ValueError: if the model also reads the samples themselves.
    """
    graph = type(serving)
    for place, target in enumerate(serving.layers):
        found = [
            layer
            for layer in (target.layers if type(target) is graph else ())
            if isinstance(layer, layers.MelSpectrogram)
        ]
        if not found:
            continue
        (spectrogram,) = found
        try:
            behind = keras.Model(spectrogram.output, target.output)
        except ValueError as error:
            raise ValueError(
                "On a microcontroller the spectrum of a sound must be made outside of "
                f"the model. Received: {target.name!r}, which reads samples as well. "
                "Build it with padded=False."
            ) from error
        spectra = keras.Input(spectrogram.output.shape[1:], name="spectra")
        outputs = behind(spectra)
        for layer in serving.layers[place + 1 :]:
            outputs = layer(outputs)
        return (
            keras.Model(target.input, spectrogram.output),
            keras.Model(spectra, outputs, name=serving.name),
            _recipe(spectrogram),
        )
    return None, serving, None


def _recipe(layer):
    return Spectrum(
        sampling_rate=layer.sampling_rate,
        frame=layer.sequence_length,
        fft=layer.fft_length,
        step=layer.sequence_stride,
        window=str(layer.window),
        bands=layer.num_mel_bins,
        lowest=float(layer.min_freq),
        highest=float(layer.max_freq),
        exponent=float(layer.mag_exp),
        least=float(layer.min_power),
        decibels=bool(layer.power_to_db),
        frames=layer.output.shape[-1],
    )
