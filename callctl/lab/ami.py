"""A small AMI client for the simulator: the tests' own eyes, apart from callctl's client that they test."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping

Message = dict[str, str]


class AmiError(RuntimeError):
    """An action that was refused, or a connection that is gone."""


class Ami:
    """One connection. `listeners` are called with every event, in order, from the reading task."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[Message], None]] = []
        self._ids = itertools.count(1)
        self._pending: dict[str, asyncio.Future[Message]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def connect(self, host: str, port: int, user: str, secret: str) -> None:
        reader, self._writer = await asyncio.open_connection(host, port)
        await reader.readline()  # the banner
        self._task = asyncio.create_task(self._read(reader), name="lab-ami")
        await self.action("Login", {"Username": user, "Secret": secret})

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def action(self, name: str, fields: Mapping[str, str] | None = None, timeout: float = 10.0) -> Message:
        """Send an action; its response. AmiError when the response is an error or does not come in time."""
        if self._writer is None:
            raise AmiError("not connected")
        action_id = str(next(self._ids))
        lines = [f"Action: {name}", f"ActionID: {action_id}"]
        for key, value in (fields or {}).items():
            if any(c in key + value for c in "\r\n\0"):
                raise AmiError(f"a line end in {key}")
            lines.append(f"{key}: {value}")
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[action_id] = future
        try:
            self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            async with asyncio.timeout(timeout):
                answer = await future
        except TimeoutError:
            raise AmiError(f"no answer to {name} in {timeout:.0f} s") from None
        finally:
            self._pending.pop(action_id, None)
        if answer.get("Response") == "Error":
            raise AmiError(f"{name}: {answer.get('Message', 'refused')}")
        return answer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        message: Message = {}
        try:
            while line := await reader.readline():
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                if text:
                    key, _, value = text.partition(":")
                    message.setdefault(key, value.strip())
                elif message:
                    self._deliver(message)
                    message = {}
        except ConnectionError:
            pass  # said below, to whoever waits
        for future in self._pending.values():
            if not future.done():
                future.set_exception(AmiError("the connection is gone"))

    def _deliver(self, message: Message) -> None:
        if "Event" in message:
            for listener in list(self.listeners):
                listener(message)
            return
        future = self._pending.get(message.get("ActionID", ""))
        if future is not None and not future.done():
            future.set_result(message)
