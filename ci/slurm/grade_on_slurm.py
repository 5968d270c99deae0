"""Grade on a Slurm cluster: jobs that are Dask workers, and `autograde grade` on the machine where this runs.

    python ci/slurm/grade_on_slurm.py --jobs 10 -- submitted -o grades

Needs `pip install 'autograde-torch[cluster]' dask-jobqueue` in an environment that all machines see; see docs/cluster.md.
"""

import argparse
import subprocess
import sys

from dask_jobqueue import SLURMCluster
from distributed import Security

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--jobs", type=int, default=2, help="how many Slurm jobs, each a worker")
parser.add_argument("--cores", type=int, default=8, help="cores of each, and submissions that it runs at a time")
parser.add_argument("--memory", default="16GB", help="memory of each: two gigabytes per core are enough")
parser.add_argument("--walltime", default="02:00:00", help="how long a job may take")
parser.add_argument("--partition", help="Slurm's partition; its default if left out")
parser.add_argument("--interface", help="the network interface by which machines reach each other, such as eth0 or ib0")
parser.add_argument("--gpu", action="store_true", help="ask for a GPU in each job")
parser.add_argument("words", nargs="*", help="arguments of `autograde grade`, after --")
options = parser.parse_args()

security = Security()
tls = bool(security.tls_ca_file)  # if Dask's settings name certificates
with SLURMCluster(
    cores=options.cores,
    processes=1,
    memory=options.memory,
    walltime=options.walltime,
    queue=options.partition,
    interface=options.interface,
    security=security if tls else None,
    protocol="tls://" if tls else "tcp://",
    python=sys.executable,
    job_extra_directives=["--gres=gpu:1"] if options.gpu else [],
    # Dask counts its own process only, and would end it for what it does not use.
    worker_extra_args=["--memory-limit", "0", *(["--resources", "GPU=1"] if options.gpu else [])],
) as cluster:
    cluster.scale(jobs=options.jobs)
    command = [sys.executable, "-c", "from autograder.commands.instructor import main; main()", "grade", *options.words]
    done = subprocess.run([*command, "--scheduler", cluster.scheduler_address], check=False)
raise SystemExit(done.returncode)
