"""One self-contained page per song: it plays the song, and shows what was found as it plays.

Everything is inside the file: style, scripts, Plotly, and the sound unless it is linked. The page
asks the network for nothing, and its content security policy would not let it. Plotly is stored
compressed and unpacked by the browser when charts are drawn, so lanes appear at once.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import zlib
from pathlib import Path
from typing import Final

from music_analysis import notation
from music_analysis.analysis import Analysis
from music_analysis.page_parts import file_of, script_json, template_of
from music_analysis.plots import PARTS, Part, write_whole
from music_analysis.report_data import LANES, PANELS, page_data
from music_analysis.report_facts import cards, sheet
from music_analysis.report_sound import Sound, sound_for

_SCRIPTS: Final = ("report_clock.js", "report_lanes.js", "report_charts.js")
_NAMES: Final = {
    "analysis": "Analysis",
    "tempo": "Tempo",
    "key": "Key",
    "chords": "Chords",
    "structure": "Structure",
}


def write(
    analysis: Analysis,
    audio_path: str | Path,
    html_path: str | Path,
    part: Part = "analysis",
    link_audio: bool = False,
) -> None:
    """Write the page of one song; the file is whole or not there.

    Parameters
    ----------
    analysis
        What to show.
    audio_path
        The song that the page plays. Its bytes go into the page where browsers play them and they
        are at most 12 MB; else it is encoded to AAC (up to 25 minutes), else linked.
    html_path
        The file to write.
    part
        ``"analysis"`` for everything, or only what belongs to one analyzer.
    link_audio
        Link the song where it is, relative to the page, instead of putting it inside.

    Raises
    ------
    ValueError
        There is no such part.
    UserError
        The song cannot be read or the page not be written.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
    page = Path(html_path)
    sound = sound_for(Path(audio_path), page, link=link_audio)
    before, after = _page(analysis, part, sound)

    def save(path: Path) -> None:
        with path.open("wb") as file:
            file.write(before)
            file.write(base64.b64encode(sound.data))
            file.write(after)

    write_whole(page, save)


def _page(analysis: Analysis, part: Part, sound: Sound) -> tuple[bytes, bytes]:
    """Render the page up to the bytes of the sound, and from there on."""
    data = script_json(page_data(analysis, part))
    # A script runs only if it carries this word, which no title can guess as it depends on it.
    nonce = hashlib.sha256(
        (data + (analysis.title or "") + analysis.file).encode("utf-8", "replace")
    )
    mark = f"sound-{nonce.hexdigest()}"
    text = template_of("music_analysis", "report.html").render(
        title=analysis.title or Path(analysis.file).stem or "untitled",
        artist=analysis.artist,
        file=analysis.file,
        length=notation.clock(analysis.duration),
        part=part,
        kind=_NAMES[part],
        cards=cards(analysis, part),
        sections=analysis.structure.sections,
        sheet=sheet(analysis) if "sheet" in PANELS[part] else [],
        lanes=LANES[part],
        panels=PANELS[part],
        notation=notation,
        sound=sound,
        mark=mark,
        nonce=nonce.hexdigest()[:32],
        data=data,
        style=file_of("music_analysis", "report.css"),
        script="\n".join(file_of("music_analysis", name) for name in _SCRIPTS),
        plotly=_plotly(),
    )
    before, after = text.split(mark)
    # a name of bytes that are no text becomes question marks
    return before.encode("utf-8", "replace"), after.encode("utf-8", "replace")


@functools.cache
def _plotly() -> str:
    """Give Plotly's script, deflated, in base64: 2 MB instead of 4.8."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(zlib.compress(get_plotlyjs().encode(), 6)).decode()
