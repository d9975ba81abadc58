"""A Slurm cluster of one node, this machine, from Debian's packages, which are unpacked and not installed."""
import contextlib, os, pathlib, signal, socket, subprocess, time

import tap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGES = "libhwloc15 liblua5.1-0 libmunge2 slurm-client slurm-wlm-basic-plugins slurmctld slurmd"
# No accounts, no keys: everything is this user's. A node may say that it has more processors than the machine.
CONF = """\
ClusterName=kitemu
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
PluginDir={plugins}
StateSaveLocation={work}/state
SlurmdSpoolDir={work}/spool
SlurmctldPidFile={work}/slurmctld.pid
SlurmdPidFile={work}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,sched_min_interval=0
MpiDefault=none
SlurmdParameters=config_overrides
NodeName=localhost NodeAddr=127.0.0.1 CPUs=8
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
"""


def tree(work):
    """The packages' files, or a reason why not."""
    script = f'. "{ROOT}/scripts/apt.sh"; kit_apt_debs bookworm "$(dpkg --print-architecture)" {PACKAGES}'
    status, out, err = tap.run(["bash", "-ec", script], timeout=200)
    if status:
        raise tap.Skip(f"Debian's Slurm cannot be fetched: {tap.text(err).strip().splitlines()[-1:]}")
    for deb in tap.text(out).split():
        tap.expect(["dpkg-deb", "-x", deb, work])
    return work / "usr"


def free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [s.getsockname()[1] for s in sockets]


@contextlib.contextmanager
def cluster(work):
    """The environment in which sbatch and its like reach it."""
    usr = tree(work / "packages")
    [plugins] = usr.glob("lib/*/slurm-wlm")
    ports = free_ports(2)
    for folder in ("state", "spool"):
        (work / folder).mkdir()
    conf = work / "slurm.conf"
    user = subprocess.check_output(["id", "-un"], text=True).strip()
    conf.write_text(CONF.format(ctld_port=ports[0], node_port=ports[1], user=user, plugins=plugins, work=work))
    env = os.environ | {"SLURM_CONF": str(conf), "LD_LIBRARY_PATH": f"{plugins.parent}:{plugins}", "PATH": f"{usr / 'bin'}:{os.environ['PATH']}"}
    daemons = [[usr / "sbin/slurmctld-wlm", "-D", "-c"], [usr / "sbin/slurmd-wlm", "-D", "-c", "-d", usr / "sbin/slurmstepd-wlm", "-N", "localhost"]]
    running = []
    try:
        for n, daemon in enumerate(daemons):
            with open(work / f"daemon{n}.log", "wb") as log:
                running.append(subprocess.Popen(daemon, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        wait_for_node(env, running, work)
        yield env
    finally:
        for p in reversed(running):
            p.send_signal(signal.SIGTERM)
        for p in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                p.wait(30)
            p.kill()
            p.wait()


def wait_for_node(env, running, work):
    end = time.monotonic() + 60 * tap.SLOWER
    while time.monotonic() < end and all(p.poll() is None for p in running):
        status, out, _ = tap.run(["sinfo", "-h", "-o", "%T"], env=env)
        if status == 0 and out.strip() == b"idle":
            return
        time.sleep(0.5)
    last = [(work / f"daemon{n}.log").read_text().splitlines()[-1:] for n in range(len(running))]
    raise tap.Skip(f"Debian's Slurm does not run here: {last}")
