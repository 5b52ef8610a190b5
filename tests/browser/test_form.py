"""The form of the notebook's toolbar in a real JupyterLab: every kernel it may meet, what it refuses, and how to stop it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from jupyter_deploy.home import Home
from tests.browser.lab import BUSY, PATIENCE, SETUP, Lab, Notebook, running, show

HIDDEN = "import sys; sys.modules['jupyter_deploy'] = None; from ipykernel.kernelapp import launch_new_instance as go; go()"
KERNELS = {"bare": ("Bare", "python", HIDDEN), "other": ("Other", "R", HIDDEN)}
MARKUP = "<img src=x onerror=alert(1)>"
SLOW = """class Slow:
    def __init__(self): self.seconds = 600
    def predict(self, rows: list[float]) -> list[float]: return [1.0 for _ in rows]
    def __setstate__(self, state): time.sleep(state['seconds'])
slow = Slow()"""
NAP = """def nap(rows: list[float]) -> list[float]:
    time.sleep(600)
    return rows"""


@pytest.fixture(scope="module")
def lab(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start a JupyterLab that has a kernel without this package, and one that is said to be of another language."""
    own = tmp_path_factory.mktemp("jupyter")
    for name, (title, language, code) in KERNELS.items():
        spec = own / "kernels" / name / "kernel.json"
        spec.parent.mkdir(parents=True)
        argv = [sys.executable, "-c", code, "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": argv, "display_name": title, "language": language}))
    with running(own, tmp_path_factory.mktemp("notebooks"), env={"JUPYTER_PATH": str(own)}) as lab:
        yield lab


def press(page: Page) -> Locator:
    """Press the button in the notebook's toolbar."""
    page.get_by_role("toolbar").get_by_role("button", name="Deploy", exact=True).click()
    return page.get_by_role("dialog")


def choose(form: Locator, variable: str) -> Locator:
    """Choose a variable, and give the part that tells what would be deployed."""
    form.get_by_role("radio", name=re.compile(f"^{re.escape(variable)} ")).check()
    return form.get_by_role("region", name="What would be deployed")


def write(lab: Lab, name: str, kernel: str) -> str:
    """Write a notebook for a kernel."""
    spec = {"kernelspec": {"name": kernel, "display_name": kernel}}
    cells = [nbformat.v4.new_code_cell("")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=spec), lab.folder / name)
    return name


def test_a_busy_kernel(open_notebook: Callable[..., Notebook], lab: Lab) -> None:
    """The form says that a cell runs, and goes on by itself when it has ended."""
    notebook = open_notebook("busy.ipynb")
    notebook.run(0, SETUP)
    notebook.type(1, BUSY)
    form = press(notebook.page)
    expect(form).to_contain_text("The kernel is busy.")
    (lab.folder / "go").touch()

    expect(form.get_by_role("radio", name=re.compile("^model "))).to_be_checked()


def test_no_kernel(open_notebook: Callable[..., Notebook]) -> None:
    """The form offers to start one, and then says that there is no model yet."""
    notebook = open_notebook("none.ipynb")
    page = notebook.page
    notebook.run(0, SETUP)
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("Change Kernel")).click()
    page.get_by_role("dialog").get_by_role("combobox").select_option(label="No Kernel")
    page.get_by_role("dialog").get_by_role("button", name="Select", exact=False).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    form = press(page)
    form.get_by_role("button", name="Start a kernel").click()

    expect(form).to_contain_text("No variable of this notebook is a fitted model or a function.")


def test_a_kernel_without_the_package(open_notebook: Callable[..., Notebook], lab: Lab) -> None:
    """The form names the kernel, and writes the cell that installs the package into it, without running it."""
    notebook = open_notebook(write(lab, "bare.ipynb", "bare"))
    form = press(notebook.page)
    expect(form).to_contain_text("The kernel “Bare” does not have jupyterlab-deploy")
    form.get_by_role("button", name="Insert the cell").click()

    expect(form).to_have_count(0)
    expect(notebook.cells.nth(1).locator(".cm-content")).to_have_text("%pip install jupyterlab-deploy")
    expect(notebook.cells.nth(1).locator(".jp-InputPrompt")).to_have_text("[ ]:")


def test_a_kernel_of_another_language(open_notebook: Callable[..., Notebook], lab: Lab) -> None:
    """The form says which language the kernel is of, and asks it nothing."""
    notebook = open_notebook(write(lab, "other.ipynb", "other"))

    expect(press(notebook.page)).to_contain_text("The kernel “Other” is of R.")


def test_a_notebook_that_was_never_saved(fresh: Callable[..., Page], lab: Lab) -> None:
    """A new notebook without a name of its own can be deployed from."""
    page = show(fresh(), lab)
    page.evaluate("window.jupyterapp.commands.execute('notebook:create-new', { kernelName: 'python3' }).then(() => null)")
    notebook = Notebook(page)
    notebook.wait()
    notebook.run(0, SETUP)

    expect(choose(press(page), "model")).to_contain_text("scikit-learn")


def test_what_stands_in_the_way(open_notebook: Callable[..., Notebook]) -> None:
    """A refusal says what, why and what to do, with the rest behind a click; the option that its hint names can be given there."""
    notebook = open_notebook("secret.ipynb")
    notebook.run(0, f'{SETUP}\nraw = LogisticRegression()\nTOKEN = "hf_" + "aB3dE5gH7jK9" * 3')
    notebook.run(1, "def score(rows: list[float]) -> list[float]:\n    return [float(len(TOKEN)) for _ in rows]")
    form = press(notebook.page)
    form.get_by_text("1 more cannot be deployed").click()
    expect(form).to_contain_text("raw is a LogisticRegression that has not been fitted.")
    found = choose(form, "score")
    expect(found.get_by_role("alert")).to_contain_text("score cannot be deployed like this.")
    expect(form.get_by_role("button", name="Deploy", exact=True)).to_be_disabled()

    allowed = re.search(r'--allow-secret "[^"]+"', found.inner_text())
    assert allowed
    form.get_by_text("Target, resources and more").click()
    form.get_by_label("More options").fill(allowed[0])
    form.get_by_label("More options").press("Tab")
    expect(found).to_contain_text("because --allow-secret names it")


def test_a_name_that_cannot_be(open_notebook: Callable[..., Notebook]) -> None:
    """What is wrong with a name stands below it, and nothing can be deployed under it."""
    notebook = open_notebook("name.ipynb")
    notebook.run(0, SETUP)
    form = press(notebook.page)
    expect(choose(form, "model")).to_contain_text("scikit-learn")
    form.get_by_label("Endpoint", exact=True).fill("No Name")

    expect(form.get_by_role("alert")).to_contain_text("At most 40 lower-case letters")
    expect(form.get_by_role("button", name="Deploy", exact=True)).to_be_disabled()


def test_a_check_is_stopped(open_notebook: Callable[..., Notebook]) -> None:
    """A check that takes long ends at a click, and the kernel runs the next cell."""
    notebook = open_notebook("nap.ipynb")
    notebook.run(0, f"import time\n{NAP}")
    form = press(notebook.page)
    found = choose(form, "nap")
    form.get_by_label("Example rows").fill("[1.0]")  # with which it is called, and naps
    found.get_by_role("button", name="Check what would be deployed").click()
    found.get_by_role("button", name="Stop").click()
    expect(found.get_by_role("button", name="Check what would be deployed")).to_be_visible()
    notebook.page.keyboard.press("Escape")

    expect(notebook.page.get_by_role("dialog")).to_have_count(0)
    notebook.run(1, "6 * 7")


def test_a_deploy_is_told_of_and_cancelled(open_notebook: Callable[..., Notebook]) -> None:
    """A deploy that is on its way when the form is closed is told of in one notification, which can stop it."""
    notebook = open_notebook("slow.ipynb")
    page = notebook.page
    notebook.run(0, f"import time\n{SLOW}\nslow.predict([1.0])")
    form = press(page)
    choose(form, "slow")
    form.get_by_label("Example rows").fill("[1.0]")
    form.get_by_label("Example rows").press("Enter")
    expect(form).to_contain_text("slow@1 is on its way.", timeout=PATIENCE)
    page.keyboard.press("Escape")
    told = page.locator(".jp-toast-message")
    expect(told).to_have_text(["slow@1 is on its way …"])
    page.locator(".jp-toast-button", has_text="Cancel").click()

    expect(told).to_have_text(["slow@1 was cancelled."])


def test_without_a_mouse(open_notebook: Callable[..., Notebook]) -> None:
    """The form opens from the palette, keeps the focus, and deploys with Enter; the arrows choose."""
    notebook = open_notebook("keys.ipynb")
    page = notebook.page
    notebook.run(0, f"{SETUP}\nother = model")
    page.evaluate("void window.jupyterapp.commands.execute('jupyterlab-deploy:deploy', { expression: 'model', name: 'typed' })")
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Endpoint", exact=True)).to_have_value("typed")
    chosen = form.get_by_role("radio", checked=True)
    chosen.focus()
    page.keyboard.press("ArrowUp")
    expect(form.get_by_role("radio", name=re.compile("^other "))).to_be_checked()
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('.jp-Dialog').contains(document.activeElement)")
    page.keyboard.press("Escape")

    expect(form).to_have_count(0)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_it_is_readable_in_every_theme(
    open_notebook: Callable[..., Notebook], theme: str, check_barriers: Callable[..., list[str]]
) -> None:
    """Neither the filled form nor a refusal keeps anybody out."""
    notebook = open_notebook("theme.ipynb")
    notebook.theme(theme)
    notebook.run(0, SETUP)
    form = press(notebook.page)
    expect(choose(form, "model")).to_contain_text("scikit-learn")
    form.get_by_text("Target, resources and more").click()
    assert [] == check_barriers(notebook.page, ".jp-deploy-form")
    form.get_by_label("Example rows").fill("nothing")
    form.get_by_label("Example rows").press("Tab")

    expect(form.get_by_role("alert")).to_contain_text("There is no variable")
    assert [] == check_barriers(notebook.page, ".jp-deploy-form")


def test_markup_is_text(open_notebook: Callable[..., Notebook]) -> None:
    """Names of classes, keys and columns that look like markup are shown as they are."""
    notebook = open_notebook("markup.ipynb")
    notebook.run(
        0, f"{SETUP}\nM = {MARKUP!r}\nnamed = type(M, (LogisticRegression,), {{}})().fit(X.rename(columns=lambda c: M + c), y)"
    )
    notebook.run(1, "models = {M: LogisticRegression().fit(X, y)}; del model")
    form = press(notebook.page)

    expect(form.get_by_role("radio", name=f"models['{MARKUP}']")).to_have_count(1)
    expect(form).to_contain_text(MARKUP)
    expect(
        choose(form, "named").get_by_text("cannot be deployed").or_(form.get_by_text(f"{MARKUP}sepal length")).first
    ).to_be_visible()
    expect(form.locator("img")).to_have_count(0)
