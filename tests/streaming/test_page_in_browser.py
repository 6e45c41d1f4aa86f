"""The live page as a browser shows it."""

import time

import numpy as np
import pytest

from keras_dcat.export import Description
from keras_dcat.streaming import Decision, LivePage, Moment, Sensor
from tests.browser import headless_browser
from tests.streaming.test_page import DESCRIPTION, NASTY, clients, moment

pytest.importorskip("aiohttp")


def test_the_label_changes_and_what_is_shown_is_text(tmp_path):
    with (
        LivePage(DESCRIPTION, port=0, title=NASTY) as page,
        headless_browser(tmp_path) as browser,
    ):
        browser.get(page.url)
        assert clients(page, 1) == 1

        def label(expected):
            until = time.monotonic() + 10
            while time.monotonic() < until:
                page.show(moment(time.monotonic(), expected))
                text = browser.find_element("id", "label").text
                if text == expected:
                    return text
                time.sleep(0.05)
            return text

        assert label("still") == "still"
        assert label(NASTY) == NASTY
        assert browser.find_element("id", "label").get_attribute("class") == "wrong"
        assert browser.find_element("id", "truth").text == "still ✗"
        bars = browser.find_elements("css selector", "progress")
        assert [bar.get_property("value") for bar in bars] == [0.125, 0.875]
        drawn = browser.execute_script(
            "const c = document.querySelector('canvas');"
            "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
            ".some(x => x > 0)"
        )
        assert drawn
        assert browser.title == NASTY
        assert browser.find_elements("tag name", "img") == []
        assert [m for m in browser.get_log("browser") if m["level"] == "SEVERE"] == []


# What is in a canvas: the share of pixels that are not clear, column by column.
FILLED = """
const c = document.getElementById(arguments[0]), pen = c.getContext('2d');
const {data} = pen.getImageData(0, 0, c.width, c.height), found = [];
for (let x = 0; x < c.width; x++) {
  let n = 0;
  for (let y = 0; y < c.height; y++) n += data[4 * (y * c.width + x) + 3] > 200;
  found.push(n / c.height);
}
return found;
"""


def said(at, share, truth, label="still"):
    """A moment whose decision is as sure as it is told."""
    probabilities = np.array([share, (1 - share) / 2, (1 - share) / 2])
    decision = Decision(at - 1.0, label, probabilities)
    signal = np.sin(at + np.arange(6).reshape(2, 3))
    return Moment(at, signal, [decision], [truth], {"watch": 9 + signal[:, :2]})


def test_a_page_tells_how_sure_it_is_pauses_and_saves(tmp_path):
    names = ("still", '=cmd(), "x"', "run")
    own = Description(names, "imu", 20.0, 1.0, 1.0, (20, 3))
    sensors = [Sensor("imu", ("ax", "ay", "az"), "m/s²"), Sensor("watch", ("u", "v"))]
    with (
        LivePage(own, port=0, sensors=sensors) as page,
        headless_browser(tmp_path) as browser,
    ):

        def text(name):
            return browser.find_element("id", name).text

        def shows(*moments):
            for each in moments:
                page.show(each)
            until = time.monotonic() + 5
            expected = f"{moments[-1].time:.1f} s"
            while text("time") != expected and time.monotonic() < until:
                time.sleep(0.02)
            return browser.find_element("id", "said").get_attribute("class")

        browser.get(page.url)
        assert clients(page, 1) == 1
        legends = browser.find_elements("css selector", "#signals .legend")
        assert [each.text.split() for each in legends] == [
            ["imu", "in", "m/s²", "ax", "ay", "az"],
            ["watch", "u", "v"],
        ]
        browser.execute_script("document.getElementById('span').value = '30'")
        past = [said(float(n), 0.98, "still") for n in range(1, 11)]
        assert "unsure" not in shows(*past)
        assert text("sure") == "98 %, sure"
        width = "return document.getElementById('fill').style.width"
        assert browser.execute_script(width) == "98%"
        unsure = [said(float(n), 0.46, None) for n in range(11, 21)]
        assert "unsure" in shows(*unsure)
        assert text("sure") == "46 %, unsure"
        assert text("truth") == "–"
        # 10 s of what is sure and has a truth, and 10 s of the other: half as high,
        # striped, and nothing above.
        filled = np.array(browser.execute_script(FILLED, "strip"))
        inside = len(filled) - 56 - 8
        part = [
            filled[56 + int(inside * x) : 56 + int(inside * y)].mean()
            for x, y in ((0.4, 0.6), (0.75, 0.95))
        ]
        assert part[0] > 3 * part[1] > 0
        for width in (390, 1280):  # nothing is beside the screen
            size = {"width": width, "height": 900, "deviceScaleFactor": 1}
            metrics = {**size, "mobile": width < 600}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            wide = "return document.documentElement.scrollWidth"
            assert browser.execute_script(wide) <= width
        browser.find_element("id", "pause").click()
        page.show(said(21.0, 0.9, "still"))
        time.sleep(0.2)
        assert text("time") == "20.0 s"
        assert text("sure") == "46 %, unsure"
        browser.find_element("id", "pause").click()
        assert "unsure" not in shows(said(22.0, 0.75, "still", names[1]))
        lines = browser.execute_script("return csv()").split("\r\n")
        assert (
            lines[0] == 'time_s,label,confidence,truth,p still,"p =cmd(), ""x""",p run'
        )
        assert lines[1] == "0,still,0.98,still,0.98,0.01,0.01"
        assert lines[-2].startswith('21,"\'=cmd(), ""x""",0.75,still,')
        assert len(lines) == 22 + 2
        assert [m for m in browser.get_log("browser") if m["level"] == "SEVERE"] == []
