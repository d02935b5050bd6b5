"""Log lines: one JSON object per line for machines, coloured text on a terminal, the same for every library.

structlog for our own lines, its formatter for the standard library's (uvicorn, alembic, asyncio). A line below the
level costs one method that does nothing. Ids go into `leg`, `call` and `transfer`, never into the event's text.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import msgspec
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from switchhook.core.masking import masked

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
# Chatty at INFO and of no use to an operator.
_QUIET = ("alembic", "sqlalchemy", "httpcore2", "httpx2", "websockets")


def configure(level: str = "info", format: str = "auto", stream: TextIO | None = None) -> None:
    """Sets up all logging of the process; `format` is json, text or auto (text on a terminal). May be called again."""
    out = stream or sys.stderr
    text = format == "text" or (format == "auto" and out.isatty())
    render: list[Processor] = [_text(out)] if text else [structlog.processors.format_exc_info, to_json]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper("iso", utc=not text)
        if not text
        else structlog.processors.TimeStamper("%H:%M:%S.%f", utc=False),
    ]
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    _configure_standard(_LEVELS[level], out, shared, render)


def log(name: str) -> Any:
    """Returns a logger whose lines carry `part`: `log("sip").info("registered", username="1001")`."""
    return structlog.get_logger(part=name)


def to_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Renders a line as JSON; what JSON cannot hold becomes text."""
    try:
        return masked(_encoder.encode(event).decode())
    except (msgspec.EncodeError, TypeError, ValueError, RecursionError):
        line = masked(ascii(event))[:4000]
        return _encoder.encode({"event": "unwritable line", "level": "error", "line": line}).decode()


def _text(out: TextIO) -> Processor:
    render = structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=32)
    return lambda logger, method, event: masked(render(logger, method, event))


def _configure_standard(level: int, out: TextIO, shared: list[Processor], render: list[Processor]) -> None:
    from structlog.stdlib import ProcessorFormatter

    # uvicorn and its like start with `log_config=None`, so that their lines come here.
    line = logging.StreamHandler(out)
    formatter = ProcessorFormatter(
        foreign_pre_chain=[*shared, _part],
        processors=[ProcessorFormatter.remove_processors_meta, *render],
    )
    line.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [line]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.getLogger("uvicorn.access").disabled = True  # requests are in the journal and in the metrics
    logging.captureWarnings(True)


def _part(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event["_record"]
    event["part"] = record.name
    return event


_encoder = msgspec.json.Encoder(enc_hook=str)
