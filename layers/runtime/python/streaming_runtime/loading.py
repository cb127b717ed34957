"""Finding the handler: the managed runtime's search path, and `module.function` resolved on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

LAYERS = "/opt/python"


def search_path(environment: Mapping[str, str], present: list[str]) -> list[str]:
    """`present` with the managed runtime's folders in front: function, layers, runtime (which holds boto3)."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    task_root = environment.get("LAMBDA_TASK_ROOT", "")
    runtime_dir = environment.get("LAMBDA_RUNTIME_DIR", "")
    managed = [task_root, f"{LAYERS}/lib/python{version}/site-packages", LAYERS, runtime_dir]
    return list(dict.fromkeys([*filter(None, managed), *present]))


def load_handler(name: str) -> Callable[..., object]:
    """The callable that `_HANDLER` names, `folder/module.function`.

    Raises RuntimeFault with the managed runtime's error types, or whatever the module raises while it is imported.
    """
    module_path, dot, function = name.rpartition(".")
    if not (dot and module_path and function):
        raise _fault("MalformedHandlerName", f"Handler '{name}' is not of the form module.function. Set it so.")
    module_name = module_path.replace("/", ".")
    if module_name.partition(".")[0] in sys.builtin_module_names:
        raise _fault("BuiltInModuleConflict", f"Module '{module_name}' has the name of a built-in one. Rename it.")
    try:
        __import__(module_name)
    except ImportError as error:
        raise _fault("ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        place = f"{error.filename}, line {error.lineno}"
        raise _fault("UserCodeSyntaxError", f"Syntax error in module '{module_name}' ({place}): {error.msg}") from error
    handler = getattr(sys.modules[module_name], function, None)
    if not callable(handler):
        raise _fault("HandlerNotFound", f"Module '{module_name}' has no function '{function}'.")
    found: Callable[..., object] = handler
    return found


def _fault(error_type: str, message: str) -> Exception:
    from streaming_runtime.faults import RuntimeFault

    return RuntimeFault(f"Runtime.{error_type}", message)
