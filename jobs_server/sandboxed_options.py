"""Options that only the engine can judge (a noise model), checked in an inspector process, each value once."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from uuid import UUID

from jobs_server.catalog import KnownBackend
from jobs_server.inspectors import InspectorPool
from jobs_server.shared_work import SharedWork
from qserver.jobs import RunRequest
from qserver.json_types import JsonValue
from qserver.noise_models import OPTION, named_in

_KEPT = 1024


class SandboxedOptions:
    """Remembers the values that were found right; a wrong one is judged anew each time."""

    def __init__(self, inspectors: InspectorPool) -> None:
        """Know nothing yet."""
        self._inspectors = inspectors
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._checks: SharedWork[bytes, None] = SharedWork()

    async def check(self, user_id: UUID, backend: KnownBackend, run: RunRequest) -> None:
        """Raise InvalidRequest where the engine refuses an option."""
        names = backend.record.spec.sandboxed_options
        refers = named_in(run.options) is not None and backend.record.spec.takes_noise_models
        judged = names - {OPTION} if refers else names  # a stored noise model is checked as such
        chosen = {name: value for name, value in run.options.items() if name in judged}
        if not chosen:
            return
        plugin = backend.record.plugin
        key = _digest(plugin, chosen)
        if key in self._right:
            self._right.move_to_end(key)
            return
        await self._checks.do(key, lambda: self._inspectors.check_options(user_id, plugin, chosen))
        self._right[key] = None
        if len(self._right) > _KEPT:
            self._right.popitem(last=False)


def _digest(plugin: str, options: Mapping[str, JsonValue]) -> bytes:
    return sha256(f"{plugin}\0{json.dumps(options, sort_keys=True)}".encode()).digest()
