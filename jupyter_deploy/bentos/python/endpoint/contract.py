"""What a method of a model accepts and returns; the words that the notebook, the bundle and the worker share.

This module is imported on both sides: by the kernel, which writes `contract.json`, `golden.json` and `manifest.json`, and by
the worker, which reads them. It therefore imports nothing but msgspec, and uses relative imports like its neighbours.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

InputKind = Literal["frame", "series", "array", "sparse", "list", "arguments", "value"]
OutputKind = Literal["array", "frame", "series", "sparse", "list", "tuple", "dict", "value"]
Library = Literal["pandas", "polars", "torch", "tensorflow"]
Meaning = Literal["labels", "probabilities", "log probabilities", "scores", "features"]


class Column(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One column of a table, as the notebook's own data has it.

    Attributes:
        name: The column's name; a caller's JSON uses it as the key.
        dtype: The pandas dtype, such as `float64`, `int64`, `bool`, `category`, `datetime64[ns]`; where that says too little, what
            the column holds stands in brackets: `object[str,nan]` (texts, missing ones being NaN), `category[ordered]`. For
            `arguments`, the parameter's type hint, or the type of what it was called with: `float`, `int`, `bool`, `str`, `list`,
            `dict`, `date` and their like, or `object`.
        nullable: Whether missing values were seen in the notebook's data.
        categories: The values of a categorical column, in order.
        minimum: The smallest number or ISO date that was seen.
        maximum: The largest number or ISO date that was seen.
        example: One value that was seen, as JSON.
        infinite: Whether infinite numbers were seen, which JSON has as texts.
        optional: Whether a parameter may be left out.
        default: The default of a parameter, as JSON; unset where it has none, or JSON cannot hold it.
        schema: The JSON schema of what a parameter's type hint accepts; the worker makes what the hint says out of it. None where
            there is no hint, or the notebook itself calls the function with something else.
        holds: For a parameter that is a table, a column or an array, what that one is.
    """

    name: str
    dtype: str
    nullable: bool = False
    categories: tuple[Any, ...] | None = None
    minimum: float | str | None = None
    maximum: float | str | None = None
    example: Any = None
    infinite: bool = False
    optional: bool = False
    default: Any = msgspec.UNSET
    schema: dict[str, Any] | None = None
    holds: Input | None = None


class Input(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one argument of a method, or the named arguments of a function.

    Attributes:
        kind: `frame` and `series` are tables and columns of pandas or polars, `array` is numpy, `sparse` is one of scipy's sparse
            matrices or arrays, `list` is a list with one element a row (texts, dicts, lists), `arguments` are named arguments with
            one call a row, `value` is one JSON value for the whole request.
        columns: The columns of a frame, the one of a series, or one column a parameter for `arguments`; empty otherwise.
        shape: For arrays, sparse ones and lists of lists, the shape with None for the number of rows.
        dtype: For arrays, sparse ones and series, the dtype; for a list, its elements' type; for a frame, the dtype of its columns'
            names where they are not texts.
        name: For a series, its name; for a sparse one, its class.
        nullable: Whether missing values were seen in an array, a sparse one or a list; columns tell it of themselves.
        infinite: Whether infinite numbers were seen there, which JSON has as texts.
        schema: For a list, the JSON schema of its elements where the function's type hint tells it.
        others: What further named arguments hold, which `**kwargs` takes; None where there are none.
        library: Whose a frame or a series is; for an array, whose tensor it is, numpy's own otherwise.
    """

    kind: InputKind
    columns: tuple[Column, ...] = ()
    shape: tuple[int | None, ...] | None = None
    dtype: str | None = None
    name: str | int | None = None
    nullable: bool = False
    infinite: bool = False
    schema: dict[str, Any] | None = None
    others: Column | None = None
    library: Library = "pandas"


class Output(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a method returns, so that a client can give back the notebook model's own kind.

    Attributes:
        kind: The kind of container.
        columns: The columns of a frame.
        shape: For arrays, the shape with None for the number of rows.
        dtype: For arrays and series, the dtype; for a frame, the dtype of its columns' names where they are not texts.
        name: For a series, its name; for a sparse matrix, its class.
        meaning: What the answer says of a row; None where nobody knows.
        classes: For labels, what they may be; for probabilities and scores, the class of each column.
        names: For features in an array, the name of each column, at most 1,000; for a dict, its keys.
        index: `rows` where a frame or series keeps the index of the rows that it answers, `own` where it counts from 0.
        parts: For a list, tuple or dict of arrays or tables that have one answer a row each, what each of them is.
        each: For a list of tables, arrays or tuples, one a row, what each of them is.
        group: How many rows of an array belong to each row that was asked, such as the patches of an image.
        infinite: Whether infinite numbers were seen in an array or a sparse one.
        schema: For a list or a value, the JSON schema of one answer, from the function's type hint, or from what it answered.
        library: Whose a frame or a series is; for an array, whose tensor it is, numpy's own otherwise.
        streamed: Whether the method is a generator, so that an answer can be sent piece by piece; collected, it is a list.
    """

    kind: OutputKind
    columns: tuple[Column, ...] = ()
    shape: tuple[int | None, ...] | None = None
    dtype: str | None = None
    name: str | int | None = None
    meaning: Meaning | None = None
    classes: tuple[Any, ...] | None = None
    names: tuple[str, ...] | None = None
    index: Literal["rows", "own"] = "rows"
    parts: tuple[Output, ...] = ()
    each: Output | None = None
    group: int = 1
    infinite: bool = False
    schema: dict[str, Any] | None = None
    library: Library = "pandas"
    streamed: bool = False


class Method(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One route of an endpoint: `/predict` calls the model's method `predict`.

    Attributes:
        name: The route's name.
        attribute: The attribute to call on the model; empty to call the model itself.
        input: What it accepts.
        output: What it returns.
    """

    name: str
    attribute: str = ""
    input: Input
    output: Output


class Contract(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every method of an endpoint, the first one being the one to show first."""

    methods: tuple[Method, ...]

    def method(self, name: str) -> Method | None:
        """Find a method by its route's name.

        Args:
            name: The route's name, such as `predict`.

        Returns:
            The method, or None where the model has no such method.
        """
        return next((method for method in self.methods if method.name == name), None)


class Golden(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Golden rows of one method: one request's rows and the answers that the notebook's own model gave to them together.

    Attributes:
        method: The route's name.
        rows: The rows exactly as a caller sends them under `rows`.
        answers: One answer a row, exactly as `predictions` holds them.
        origin: Where the rows were found, such as `model.predict(X_test)`.
        shape_only: Whether the model draws random numbers, so that only shapes and types of its answers can be compared.
    """

    method: str
    rows: list[Any]
    answers: list[Any]
    origin: str = ""
    shape_only: bool = False


class Batching(msgspec.Struct, frozen=True, kw_only=True):
    """Whether requests that wait for one method are answered in one call of the model.

    Attributes:
        method: The route's name.
        on: Whether they are.
        reason: What was seen when its golden rows were asked one by one.
    """

    method: str
    on: bool
    reason: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One faster form of a model that was tried, and what came of it.

    Attributes:
        engine: What runs it, such as `ONNX Runtime` or `ONNX Runtime, int8`.
        kept: Whether it answers now.
        reason: Why, or why not, in one sentence.
        difference: The largest relative difference of a golden answer; None where none was compared.
        speedup: How many times less time the model takes; None where that was not measured.
        seconds: How long the attempt took.
    """

    engine: str
    kept: bool
    reason: str
    difference: float | None = None
    speedup: float | None = None
    seconds: float = 0.0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`manifest.json`: what a worker must know to load and run what was captured.

    Attributes:
        format: The version of this layout.
        endpoint: The endpoint's name.
        language: The kernel's language.
        language_version: Its version, such as `3.11.7`.
        framework: The framework that saved the model.
        loader: The module of `endpoint.loaders` that loads it.
        model: The model's file or folder, relative to the manifest.
        sources: The folder to put on the module path, relative to the manifest; empty where there is none.
        preload: Modules to import before the model is loaded.
        environment: The names of environment variables that the model reads; their values are given to the release where it runs.
        saved: In which format the model is written, for people, such as `skops`, or `cloudpickle, because ...`.
        batching: Which methods answer several requests in one call; known once a release was verified.
        compiled: Which faster forms of the model were tried.
    """

    format: int = 1
    endpoint: str
    language: str = "python"
    language_version: str
    framework: str
    loader: str = "cloudpickle"
    model: str = "model/model.pkl"
    sources: str = ""
    preload: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    saved: str = ""
    batching: tuple[Batching, ...] = ()
    compiled: tuple[Attempt, ...] = ()
