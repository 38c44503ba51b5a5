"""The Gradio page: one tab per ability of the models, with a slider over tasks above. It computes nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from html import escape
from typing import Any

import gradio as gr
from fastapi import FastAPI

from gencl.core.errors import GenclError
from gencl.core.files import printable
from gencl.demo import pictures, readings
from gencl.demo.markup import CSS, html
from gencl.demo.pictures import Choice
from gencl.demo.subject import Subject, named
from gencl.learners.capabilities import CLASSIFIER, ENCODER, IMAGES

FEW = 24
"""Up to this many classes get one checkbox each; more are shown as a searchable list."""
LARGEST_UPLOAD = "20mb"
_PICTURES, _INTERPOLATE = "Pictures", "Interpolate"
_HIDDEN = "private"  # exclude all functions of the page from Gradio's API
_SEEDS = 2**31 - 1


def application(subject: Subject) -> FastAPI:
    """Return the page as an application that loads no fonts, scripts or pictures from other servers."""
    app = FastAPI(openapi_url=None)
    theme = gr.themes.Default(
        primary_hue="indigo", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    ).set(block_info_text_color="*neutral_500", block_info_text_color_dark="*neutral_400")
    return gr.mount_gradio_app(
        app, _page(subject), "/", footer_links=[], theme=theme, css=CSS, max_file_size=LARGEST_UPLOAD
    )


def _page(subject: Subject) -> gr.Blocks:
    with gr.Blocks(title=subject.title, analytics_enabled=False) as page:
        gr.HTML(f"<h1>{escape(subject.name)}</h1><p>{escape(subject.about)}</p>")
        time = _time(subject)
        opened = gr.State(_PICTURES)  # only the open tab is drawn
        with gr.Tabs():  # only tabs inside: Gradio would take anything else for one
            if subject.having(IMAGES):
                with gr.Tab(_PICTURES) as tab:
                    controls = _samples(page, subject, opened, time)
                tab.select(lambda: _PICTURES, None, opened, **_event())
                with gr.Tab(_INTERPOLATE) as tab:
                    _interpolation(subject, [opened, time, *controls])
                tab.select(lambda: _INTERPOLATE, None, opened, **_event())
            if subject.having(ENCODER):
                with gr.Tab("Reconstruct"):
                    _reconstruction(subject, time)
            if subject.having(CLASSIFIER):
                with gr.Tab("Classify"):
                    _classification(subject, time)
    return page


def _time(subject: Subject) -> gr.Component:
    """Return the slider over the tasks, or a hidden state if only the last task was kept."""
    times, last = subject.times(), len(subject.tasks)
    if times[0] > 1:
        gr.HTML(
            f"<p>The model is shown as it was after the {'last two tasks' if len(times) > 1 else 'last task'}. "
            "To look at earlier tasks too, train with <code>--set keep=tasks</code>.</p>",
            visible=last > 1,
        )
    if len(times) == 1:
        return gr.State(last)
    return gr.Slider(times[0], last, last, step=1, label="After task", elem_id="time")


def _samples(page: gr.Blocks, subject: Subject, opened: gr.State, time: gr.Component) -> list[gr.Component]:
    """Make the tab of samples. Return the controls that other tabs share: seed, truncation, guidance."""
    several = len(subject.having(IMAGES)) > 1
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            classes = _classes(subject, several)
            n = gr.Slider(1, pictures.MOST, 6, step=1, label="Pictures per class")
            shared = _latents(subject)
        with gr.Column(scale=3, min_width=340):
            shown = gr.HTML(elem_id="pictures")

    @_told
    def draw(
        opened: str, time: float, seed: float, truncation: float, guidance: float, classes: list[int], n: float
    ) -> Any:
        if opened != _PICTURES:
            return gr.skip()
        choice = _choice(time, seed, truncation, guidance)
        text = pictures.caption(subject, choice)
        return html(text, pictures.samples(subject, choice, sorted_as(subject, classes), int(n)), "Choose a class.")

    inputs = [opened, time, *shared, classes, n]
    gr.on([page.load, *(one.change for one in inputs)], draw, inputs, shown, **_event())
    return shared


def sorted_as(subject: Subject, classes: Sequence[int]) -> list[int]:
    """Return the chosen classes in the order learned."""
    return [label for label in subject.classes if label in set(classes)]


def _classes(subject: Subject, several: bool) -> gr.Component:
    every = [(printable(subject.class_names[label]), label) for label in subject.classes]
    few = subject.classes[:: max(1, -(-len(every) // (3 if several else FEW)))]
    if len(every) <= FEW:
        return gr.CheckboxGroup(every, value=few, label="Classes", elem_id="classes")
    return gr.Dropdown(every, value=few[:10], multiselect=True, label="Classes", elem_id="classes")


def _latents(subject: Subject) -> list[gr.Component]:
    """Return the controls for seed, truncation and guidance. Guidance is hidden if the generator has none."""
    start = subject.models[0].run.card.seed
    start = start if start <= _SEEDS else 0
    with gr.Row(equal_height=True):
        seed = gr.Number(start, precision=0, minimum=0, maximum=_SEEDS, label="Seed", min_width=80)
        again = gr.Button("New latents", variant="primary", min_width=120)
    again.click(lambda seed: (int(seed or 0) + 1) % _SEEDS, seed, seed, **_event())
    truncation = gr.Slider(
        0, 1.5, 1, step=0.05, label="Truncation", info="Scales the latents. 1: as learned; less: more alike."
    )
    first = subject.having(IMAGES)[0].having(IMAGES)
    given = None if first is None else first.generator.guidance
    guidance = gr.Slider(
        0, max(10, given or 0), 1 if given is None else given, step=0.1, label="Guidance", visible=given is not None,
        info="How strongly pictures follow their class. 1: as learned.",
    )  # fmt: skip
    return [seed, truncation, guidance]


def _interpolation(subject: Subject, shared: list[gr.Component]) -> None:
    every = [(printable(subject.class_names[label]), label) for label in subject.classes]
    gr.Markdown("The latents are those of the first tab. Choose one class twice to go from one latent to another.")
    with gr.Row():
        first = gr.Dropdown(every, value=every[0][1], label="From class", filterable=len(every) > FEW)
        last = gr.Dropdown(every, value=every[-1][1], label="To class", filterable=len(every) > FEW)
    shown = gr.HTML(elem_id="interpolation")

    @_told
    def draw(opened: str, time: float, seed: float, truncation: float, guidance: float, first: int, last: int) -> Any:
        if opened != _INTERPOLATE:
            return gr.skip()
        choice = _choice(time, seed, truncation, guidance)
        text = pictures.caption(subject, choice)
        what = "between two latents of one class" if first == last else "between two classes, one latent per row"
        return html(f"{text}: {what}", pictures.interpolation(subject, choice, first, last))

    inputs = [*shared, first, last]
    gr.on([one.change for one in inputs], draw, inputs, shown, **_event())


def _picture(subject: Subject) -> tuple[gr.File, gr.State]:
    """Return the control to upload a picture, and the number of a held-out picture (-1: none)."""
    file = gr.File(label="Picture", file_types=["image"], height=140)
    number = gr.State(-1)
    held_out = gr.Button("Take a held-out picture", visible=subject.has_data)
    held_out.click(lambda number: (None, number + 1), number, [file, number], **_event())
    return file, number


def _reconstruction(subject: Subject, time: gr.Component) -> None:
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            file, number = _picture(subject)
        with gr.Column(scale=3, min_width=340):
            shown = gr.HTML(html("", (), "Upload a picture."), elem_id="reconstruction")

    @_told
    def draw(time: float, file: str | None, number: int) -> str:
        if file is None and number < 0:
            return html("", (), "Upload a picture.")
        picture = readings.uploaded(subject, file) if file else readings.held_out_picture(subject, number)
        size = f"{picture.shape[3]} x {picture.shape[2]}"
        text = f"The picture as the model takes it ({size}), and what it gives back after task {int(time)}"
        return html(text, readings.reconstruction(subject, picture, int(time)))

    gr.on([time.change, file.change, number.change], draw, [time, file, number], shown, **_event())


def _classification(subject: Subject, time: gr.Component) -> None:
    tasks = [(f"{index + 1}: {named(subject, task)}", index + 1) for index, task in enumerate(subject.tasks)]
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            told = gr.Dropdown(tasks, value=1, label="Task of the picture", visible=readings.told_task(subject))
            file, number = _picture(subject)
        with gr.Column(scale=3, min_width=340):
            shown = gr.HTML(html("", (), "Upload a picture."), elem_id="answers")

    @_told
    def draw(time: float, told: int, file: str | None, number: int) -> str:
        if file is None and number < 0:
            return html("", (), "Upload a picture.")
        of = told if readings.told_task(subject) else None
        picture = readings.uploaded(subject, file) if file else readings.held_out_picture(subject, number, of)
        seen = readings.as_seen(picture)
        late = f"Task {told} is not learned yet after task {int(time)}."
        answers = readings.answers(subject, picture, told, int(time))
        return html(f"Probabilities after task {int(time)}", [seen, *answers] if answers else [], late)

    gr.on([time.change, told.change, file.change, number.change], draw, [time, told, file, number], shown, **_event())


def _choice(time: float, seed: float, truncation: float, guidance: float) -> Choice:
    return Choice(int(seed or 0), truncation, guidance, int(time))


def _event() -> dict[str, Any]:
    return {"api_visibility": _HIDDEN, "show_progress": "minimal", "trigger_mode": "always_last"}


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that a GenclError becomes a message on the page."""

    @wraps(function)
    def call(*inputs: Any) -> Any:
        try:
            return function(*inputs)
        except GenclError as error:
            raise gr.Error(escape(str(error)), print_exception=False) from None

    return call
