"""Start `program` in a file plugin's process. Run by the plugin's own interpreter, in the plugin's own environment.

    python -I runner.py FOLDER_OF_QSERVER MODULE_OF_PLUGIN

Our environment can't be imported from here, and must not be: its packages are not those that the plugin was locked
with. Only `qserver` is lent, of which `program` uses modules that need the standard library alone.
"""

import runpy
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def lend_package(folder: Path) -> None:
    """Make the package in `folder` importable under its folder's name, and nothing that lies beside it."""
    spec = spec_from_file_location(folder.name, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no package")
    module = module_from_spec(spec)
    sys.modules[folder.name] = module
    spec.loader.exec_module(module)


def main() -> None:
    """Lend `qserver`, then run the program beside this file with the plugin's name as its argument."""
    qserver_folder, module_name = sys.argv[1:]
    lend_package(Path(qserver_folder))
    program = Path(__file__).with_name("program.py")
    sys.argv[:] = [str(program), module_name]
    runpy.run_path(str(program), run_name="__main__")


if __name__ == "__main__":
    main()
