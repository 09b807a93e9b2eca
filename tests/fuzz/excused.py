"""Functions that open files to read them and have no entry in the table, by the reason why, as the
part of the package that they are in and their name.
"""

from __future__ import annotations

EXCUSED: dict[str, tuple[str, ...]] = {
    "what comes with the package, or is its own code": (
        "vsebench.plugin:is_editable",
        "vsebench.report:stored",
        "vsebench.scaffold:requirement",
        "vsebench.site:_source",
    ),
    "what the system says of itself": (
        "vsebench.kernels:_quota",
        "vsebench.kernels:physical_cores",
        "vsebench.results:mapped_files",
        "vsebench.results:peak_mb",
        "vsebench.results:this_cpu",
    ),
    "bytes are hashed, copied or compared, whatever they are": (
        "vsebench.cli:_files",
        "vsebench.cli:_refuse_other_files",
        "vsebench.data:file_digest",
        "vsebench.grid:Sender.parcel",
        "vsebench.grid:_content",
        "vsebench.grid:_read",
        "vsebench.plugin:_files_digest",
        "vsebench.plugin:file_digest",
        "vsebench.plugin:package_digest",
        "vsebench.results:RunDirectory._restore_curve",
        "vsebench.results:RunDirectory._sum",
        "vsebench.results:RunDirectory.write_checkpoint",
        "vsebench.results:_content",
        "vsebench.results:_given_back",
        "vsebench.results:_opening",
        "vsebench.results:remove_packed",
        "vsebench.results:unpack",
        "vsebench.testing:_half",
        "vsebench.testing:_left_by",
    ),
    "descriptors, locks, and files that the same process writes": (
        "vsebench.bench:regions",
        "vsebench.bench:states",
        "vsebench.bench:training_pairs",
        "vsebench.cli:_silence_stdout",
        "vsebench.data:writing",
        "vsebench.data:_write",
        "vsebench.data:write_features",
        "vsebench.grid:_folder",
        "vsebench.grid:ForkServer.fork",
        "vsebench.grid:_become",
        "vsebench.testing:Folder.executions",
    ),
    "what a run's process says while it runs, whose damage tests/grid/test_limits.py tries": (
        "vsebench.grid:RunProcess._follow",
        "vsebench.grid:RunProcess._tail",
        "vsebench_plugins.slurm:Tail.new_events",
    ),
    "another function that is in the table reads what it finds": (
        "vsebench.data:_ask",
        "vsebench.data:GivenImages.read",
        "vsebench.data:ImageFolder.read",
        "vsebench.data:main",
        "vsebench.results:PackedRun.changed",
        "vsebench.results:_arrays",
    ),
}
