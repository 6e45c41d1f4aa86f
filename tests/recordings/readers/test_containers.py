import pytest

from keras_dcat.recordings.readers.containers import has_clock, opened, track_of
from keras_dcat.recordings.readers.opened_files import Source
from tests.recordings.readers.media_files import av_sound, sound_file, video_file


def source(file):
    return Source("a file", file.getvalue())


def test_formats_of_sound_alone_have_no_clock_and_are_let_in_if_asked_for():
    with opened(source(sound_file("MP3")), "sound", sound_alone=True) as container:
        assert not has_clock(container)
    with opened(source(av_sound("ipod", "aac")[0]), "sound") as container:
        assert has_clock(container)
    with (
        pytest.raises(ValueError, match="must be a video"),
        opened(source(sound_file("MP3")), "a video"),
    ):
        pass


def test_a_track_is_chosen_by_its_number():
    file = source(av_sound("matroska", "flac", tracks=2)[0])
    with opened(file, "sound") as container:
        assert track_of(file, container, "audio", 1).index == 1
        assert track_of(file, container, "video", None) is None
        for number in (None, 2, -1):
            with pytest.raises(
                ValueError, match=rf"track={number} .*0: flac, 16000 Hz"
            ):
                track_of(file, container, "audio", number)


def test_what_fails_later_is_not_the_error_of_opening():
    with (
        pytest.raises(KeyError, match="later"),
        opened(source(video_file()[0]), "a video"),
    ):
        raise KeyError("later")
