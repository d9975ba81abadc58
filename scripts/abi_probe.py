#!/usr/bin/env python3
"""Compare kernel structures as riscv64 and this host lay them out, field by field.

usage: abi_probe.py [--host=MACHINE] [--list]

A system call may pass a structure on as it is only if its layout is the same on both sides. SAME names those
that kitemu passes on, DIFFERENT those it converts; each pointer of a PASS row of runtime/sys/syscalls.def must lead to
one of SAME, by KINDS or CALLS, or to bytes and integers. Prints "ok STRUCT" or "not ok STRUCT" with the fields that
speak against it, so it is part of the fast suite. Reads the kernel's headers, not libc's.
--host: the host is another machine, whose compiler is MACHINE-linux-gnu-gcc. --list prints all figures instead.
"""
import pathlib, platform, re, subprocess, sys, tempfile

import check_tables

ROOT = pathlib.Path(__file__).resolve().parent.parent

HOST = next((a.split("=", 1)[1] for a in sys.argv[1:] if a.startswith("--host=")), platform.machine())
ABI = "abi" if HOST == platform.machine() else f"abi {HOST}"
GUEST_CC, HOST_CC = "riscv64-linux-gnu-gcc", "gcc" if HOST == platform.machine() else HOST + "-linux-gnu-gcc"
PRELUDE = "#define _GNU_SOURCE\n#include <stddef.h>\n#include <linux/types.h>\n"

# struct: (header, fields)
SAME = {
    "siginfo_t": ("asm/siginfo.h", "si_signo si_errno si_code si_pid si_uid si_status si_addr si_value si_tid si_fd si_band"),
    "stack_t": ("asm/signal.h", "ss_sp ss_flags ss_size"),
    "struct sigevent": ("asm/siginfo.h", "sigev_value sigev_signo sigev_notify"),
    "struct iovec": ("linux/uio.h", "iov_base iov_len"),
    "struct __kernel_timespec": ("linux/time_types.h", "tv_sec tv_nsec"),
    "struct __kernel_itimerspec": ("linux/time_types.h", "it_interval it_value"),
    "struct __kernel_old_timeval": ("linux/time_types.h", "tv_sec tv_usec"),
    "struct __kernel_timex": ("linux/timex.h", "modes offset freq status tick tai"),
    "struct timezone": ("linux/time.h", "tz_minuteswest tz_dsttime"),
    "struct itimerval": ("linux/time.h", "it_interval it_value"),
    "struct statfs": ("asm/statfs.h", "f_type f_bsize f_blocks f_bfree f_bavail f_files f_ffree f_fsid f_namelen f_frsize f_flags f_spare"),
    "struct statx": ("linux/stat.h", "stx_mask stx_ino stx_size stx_atime stx_rdev_major stx_dev_minor stx_mnt_id"),
    "struct rusage": ("linux/resource.h", "ru_utime ru_stime ru_maxrss ru_minflt ru_nivcsw"),
    "struct rlimit": ("linux/resource.h", "rlim_cur rlim_max"),
    "struct rlimit64": ("linux/resource.h", "rlim_cur rlim_max"),
    "struct flock": ("asm/fcntl.h", "l_type l_whence l_start l_len l_pid"),
    "struct f_owner_ex": ("asm/fcntl.h", "type pid"),
    "struct open_how": ("linux/openat2.h", "flags mode resolve"),
    "struct pollfd": ("asm/poll.h", "fd events revents"),
    "struct termios": ("asm/termbits.h", "c_iflag c_oflag c_cflag c_lflag c_line c_cc"),
    "struct termios2": ("asm/termbits.h", "c_iflag c_cc c_ispeed c_ospeed"),
    "struct winsize": ("asm/termios.h", "ws_row ws_col ws_xpixel ws_ypixel"),
    "struct sysinfo": ("linux/sysinfo.h", "uptime loads totalram freeram procs totalhigh mem_unit"),
    "struct new_utsname": ("linux/utsname.h", "sysname nodename release version machine domainname"),
    "struct clone_args": ("linux/sched.h", "flags pidfd child_tid stack tls set_tid cgroup"),
    "struct robust_list_head": ("linux/futex.h", "list futex_offset list_op_pending"),
    "struct shmid64_ds": ("linux/shm.h", "shm_perm shm_segsz shm_atime shm_nattch"),
    "struct msqid64_ds": ("linux/msg.h", "msg_perm msg_stime msg_qnum msg_lrpid"),
    "struct mq_attr": ("linux/mqueue.h", "mq_flags mq_maxmsg mq_msgsize mq_curmsgs"),
    "struct inotify_event": ("linux/inotify.h", "wd mask cookie len"),
    "struct signalfd_siginfo": ("linux/signalfd.h", "ssi_signo ssi_pid ssi_addr ssi_addr_lsb"),
    "struct __user_cap_header_struct": ("linux/capability.h", "version pid"),
    "struct __user_cap_data_struct": ("linux/capability.h", "effective permitted inheritable"),
    "struct sock_fprog": ("linux/filter.h", "len filter"),
    "struct tms": ("linux/times.h", "tms_utime tms_stime tms_cutime tms_cstime"),
    "struct sembuf": ("linux/sem.h", "sem_num sem_op sem_flg"),
    "struct if_dqblk": ("linux/quota.h", "dqb_bhardlimit dqb_valid"),
    "struct sched_attr": ("linux/sched/types.h", "sched_policy sched_nice sched_runtime sched_util_max"),
    "struct mount_attr": ("linux/mount.h", "attr_set propagation userns_fd"),
    "struct futex_waitv": ("linux/futex.h", "val uaddr flags"),
    "struct shminfo64": ("linux/shm.h", "shmmax shmall"),
    "struct shm_info": ("linux/shm.h", "used_ids shm_tot swap_successes"),
    "struct msginfo": ("linux/msg.h", "msgpool msgmax msgseg"),
    "struct perf_event_attr": ("linux/perf_event.h", "type size config sample_period read_format wakeup_events bp_addr aux_watermark"),
    "struct landlock_ruleset_attr": ("linux/landlock.h", "handled_access_fs"),
    "struct landlock_path_beneath_attr": ("linux/landlock.h", "allowed_access parent_fd"),
    "struct iocb": ("linux/aio_abi.h", "aio_data aio_lio_opcode aio_fildes aio_buf aio_nbytes aio_offset aio_flags aio_resfd"),
    "struct io_event": ("linux/aio_abi.h", "data obj res res2"),
    "struct io_uring_params": ("linux/io_uring.h", "sq_entries flags features sq_off cq_off"),
    "struct io_uring_getevents_arg": ("linux/io_uring.h", "sigmask sigmask_sz ts"),
    "struct keyctl_kdf_params": ("linux/keyctl.h", "hashname otherinfo otherinfolen"),
    "struct serial_struct": ("linux/serial.h", "type line port irq flags baud_base iomem_base"),
    "struct serial_icounter_struct": ("linux/serial.h", "cts rx tx buf_overrun"),
    "struct serial_rs485": ("linux/serial.h", "flags delay_rts_before_send"),
    "struct vt_mode": ("linux/vt.h", "mode waitv relsig"),
    "struct vt_stat": ("linux/vt.h", "v_active v_state"),
    "struct hd_geometry": ("linux/hdreg.h", "heads sectors cylinders start"),
    "struct loop_info64": ("linux/loop.h", "lo_device lo_offset lo_flags lo_file_name lo_init"),
    "struct loop_config": ("linux/loop.h", "fd block_size info"),
    "struct rand_pool_info": ("linux/random.h", "entropy_count buf_size"),
    "struct tun_filter": ("linux/if_tun.h", "flags count"),
    "struct ifreq": ("linux/if.h", "ifr_name ifr_addr ifr_data ifr_mtu ifr_map"),
    "struct ifconf": ("linux/if.h", "ifc_len ifc_buf"),
    "struct arpreq": ("net/if_arp.h", "arp_pa arp_ha arp_flags arp_dev"),
    "struct rtentry": ("linux/route.h", "rt_dst rt_genmask rt_flags rt_dev rt_mtu"),
    "struct blkpg_ioctl_arg": ("linux/blkpg.h", "op flags datalen data"),
    "sg_io_hdr_t": ("scsi/sg.h", "interface_id dxfer_len dxferp cmdp sbp usr_ptr info"),
    # The kernel keeps these to itself; libc has them in the kernel's layout.
    "struct msghdr": ("sys/socket.h", "msg_name msg_namelen msg_iov msg_iovlen msg_control msg_controllen msg_flags"),
    "struct mmsghdr": ("sys/socket.h", "msg_hdr msg_len"),
    "struct cmsghdr": ("sys/socket.h", "cmsg_len cmsg_level cmsg_type"),
    "struct linger": ("sys/socket.h", "l_onoff l_linger"),
    "struct file_handle": ("fcntl.h", "handle_bytes handle_type"),
}
DIFFERENT = {
    "x86_64": {
        "struct sigaction": ("asm/signal.h", "sa_handler sa_flags sa_mask"),
        "struct stat": ("asm/stat.h", "st_dev st_ino st_mode st_nlink st_uid st_rdev st_size st_blksize st_blocks st_atime"),
        "struct epoll_event": ("linux/eventpoll.h", "events data"),
        "struct loop_info": ("linux/loop.h", "lo_number lo_device lo_inode lo_flags lo_name reserved"),
        "struct semid64_ds": ("linux/sem.h", "sem_perm sem_otime sem_ctime sem_nsems"),
    },
    "aarch64": {
        "struct sigaction": ("asm/signal.h", "sa_handler sa_flags sa_mask"),
    },
}
# Constants that a host may number in its own way, and system calls pass on where they are equal.
CONSTANTS = {
    "asm/fcntl.h": "O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_DSYNC O_DIRECT O_LARGEFILE O_DIRECTORY"
    " O_NOFOLLOW O_NOATIME O_CLOEXEC O_SYNC O_PATH O_TMPFILE F_GETLK F_SETLK F_SETLKW F_SETOWN F_GETOWN",
    "asm/mman.h": "MAP_ANONYMOUS MAP_GROWSDOWN MAP_DENYWRITE MAP_LOCKED MAP_NORESERVE MAP_POPULATE MAP_NONBLOCK MAP_STACK"
    " MAP_HUGETLB MAP_SYNC MAP_FIXED_NOREPLACE PROT_SEM MADV_DONTNEED MADV_FREE MCL_CURRENT",
    "asm/signal.h": "SIGCHLD SIGSTKFLT SIGPWR SIGSYS SIGRTMIN SIG_BLOCK SIG_SETMASK SA_NOCLDSTOP SA_NOCLDWAIT SA_SIGINFO"
    " SA_ONSTACK SA_RESTART SA_NODEFER SA_RESETHAND",
    "asm/socket.h": "SOL_SOCKET SO_REUSEADDR SO_PEERCRED SO_RCVTIMEO_OLD SO_PROTOCOL SO_REUSEPORT",
    "asm/ioctls.h": "TCGETS TCSETS TIOCGWINSZ TIOCSWINSZ TIOCGPGRP TIOCSPGRP FIONREAD FIONBIO FIOCLEX TIOCSCTTY TIOCGPTN",
    "asm/poll.h": "POLLIN POLLRDNORM POLLWRNORM POLLMSG POLLREMOVE POLLRDHUP",
    "asm/errno.h": "EDEADLK ENAMETOOLONG ENOSYS EOPNOTSUPP ELOOP EOVERFLOW ECANCELED EHWPOISON",
    "asm/resource.h": "RLIMIT_CPU RLIMIT_STACK RLIMIT_NPROC RLIMIT_NOFILE RLIMIT_AS RLIMIT_MEMLOCK",
}
# Signal restorers exist on x86 alone, and signal handlers are kitemu's anyway.
DIFFERENT_CONSTANTS = {"x86_64": set(), "aarch64": {"O_DIRECTORY", "O_NOFOLLOW", "O_DIRECT", "O_LARGEFILE", "O_TMPFILE"}}

# What the pointer kinds of runtime/sys/kinds.def lead to. Bytes, strings and integers are the same everywhere, but a
# buffer for read() and write() is the file's matter, and options and addresses of sockets that of conversions.
BYTES = """PATH LOOKUP STR INBUF OUTBUF OUTSTR INT_OUT INT2_OUT LONG_OUT LONG_IO SIGSET SIGSET_OUT CPUSET CPUSET_OUT GIDS GIDS_OUT
    SOCKLEN_IO WSTATUS_OUT OPTVAL OPTVAL_OUT SOCKADDR SOCKADDR_OUT DIRENTS FDSET INT_IN INT_IO LONG_IN SHORT_OUT NODEMASK
    NODEMASK_OUT MAPPED MSGBUF_OUT NAME_OUT XATTRARGS""".split()
# ioctl's FLAT: structures whose size is in the command, which is compared.
BYTES += ["FLAT", "FLAT_OUT"]
KINDS = {
    "IOVEC": "struct iovec", "IOVEC_OUT": "struct iovec", "MSGHDR": "struct msghdr", "MSGHDR_IO": "struct msghdr",
    "TIMESPEC": "struct __kernel_timespec", "TIMESPEC2": "struct __kernel_timespec",
    "TIMESPEC_OUT": "struct __kernel_timespec", "TIMESPEC_IO": "struct __kernel_timespec",
    "TIMEVAL": "struct __kernel_old_timeval", "TIMEVAL_OUT": "struct __kernel_old_timeval",
    "TIMEZONE_OUT": "struct timezone", "ITIMERVAL": "struct itimerval", "ITIMERVAL_OUT": "struct itimerval",
    "ITIMERSPEC": "struct __kernel_itimerspec", "ITIMERSPEC_OUT": "struct __kernel_itimerspec",
    "TIMEX": "struct __kernel_timex", "TMS_OUT": "struct tms", "RLIMIT": "struct rlimit", "RLIMIT_OUT": "struct rlimit",
    "RUSAGE_OUT": "struct rusage", "UTSNAME_OUT": "struct new_utsname", "SYSINFO_OUT": "struct sysinfo",
    "STATFS_OUT": "struct statfs", "STATX_OUT": "struct statx", "SIGINFO": "siginfo_t", "SIGINFO_OUT": "siginfo_t",
    "SIGEVENT": "struct sigevent", "STACK": "stack_t", "STACK_OUT": "stack_t", "OPENHOW": "struct open_how",
    "CLONEARGS": "struct clone_args", "SEMBUFS": "struct sembuf", "POLLFDS": "struct pollfd",
    "CAPHDR": "struct __user_cap_header_struct", "CAPDATA": "struct __user_cap_data_struct",
    "STAT_OUT": "struct stat", "SIGACT": "struct sigaction", "SIGACT_OUT": "struct sigaction",
    "MSGVEC": "struct mmsghdr", "MSGVEC_IO": "struct mmsghdr", "IOVEC_REMOTE": "struct iovec", "IOVEC_REMOTE_OUT": "struct iovec",
    "FUTEXVEC": "struct futex_waitv", "FUTEXPAIR": "struct futex_waitv", "PERFATTR": "struct perf_event_attr",
    "TERMIOS": "struct termios2", "TERMIOS_OUT": "struct termios2", "WINSIZE": "struct winsize", "WINSIZE_OUT": "struct winsize",
    "FLOCK": "struct flock", "FLOCK_OUT": "struct flock", "OWNEREX": "struct f_owner_ex", "OWNEREX_OUT": "struct f_owner_ex",
    "IFREQ": "struct ifreq", "IFREQ_OUT": "struct ifreq",
    "EPOLLEV": "struct epoll_event", "EPOLLEVS_OUT": "struct epoll_event",
}  # fmt: skip
# The kinds PTR and DEEP say nothing: what such arguments of a call lead to. Calls that came after 2019 take structures
# of fixed-size members only, made to be the same everywhere; where this machine's headers do not have them: "fixed".
CALLS = {
    "mount": [], "fsconfig": [], "syslog": [], "reboot": [], "getcpu": [], "sched_setparam": [], "sched_setscheduler": [],
    "quotactl": ["struct if_dqblk"], "quotactl_fd": ["struct if_dqblk"], "capset": ["struct __user_cap_data_struct"],
    "settimeofday": ["struct timezone"], "mq_open": ["struct mq_attr"], "mq_getsetattr": ["struct mq_attr"],
    "msgctl": ["struct msqid64_ds", "struct msginfo"],
    "shmctl": ["struct shmid64_ds", "struct shminfo64", "struct shm_info"],
    "name_to_handle_at": ["struct file_handle"], "open_by_handle_at": ["struct file_handle"],
    "sched_setattr": ["struct sched_attr"], "mount_setattr": ["struct mount_attr"], "open_tree_attr": ["struct mount_attr"],
    "msgsnd": [], "futex_wake": [], "futex_wait": [], "listns": "fixed", "keyctl": "fixed",
    "landlock_create_ruleset": ["struct landlock_ruleset_attr"], "landlock_add_rule": ["struct landlock_path_beneath_attr"],
    "ioctl": ["struct serial_struct", "struct serial_icounter_struct", "struct serial_rs485", "struct termios", "struct vt_mode",
              "struct vt_stat", "struct hd_geometry", "struct loop_info64", "struct loop_config",
              "struct rand_pool_info", "struct tun_filter", "struct arpreq"],
    "cachestat": "fixed", "statmount": "fixed", "listmount": "fixed", "lsm_get_self_attr": "fixed",
    "lsm_set_self_attr": "fixed", "lsm_list_modules": "fixed",
}  # fmt: skip

# The tables of operations, and the headers that have their values.
OPS = {
    "fcntl": "fcntl.h", "prctl": "sys/prctl.h", "keyctl": "linux/keyctl.h",
    "ioctl": "asm/termbits.h asm/ioctls.h sys/ioctl.h linux/fs.h linux/fiemap.h linux/fsmap.h linux/loop.h linux/random.h linux/if_tun.h"
    " linux/sockios.h linux/blkpg.h linux/blkzoned.h scsi/sg.h linux/nsfs.h linux/userfaultfd.h linux/perf_event.h linux/kd.h"
    " linux/vt.h linux/rtc.h linux/watchdog.h linux/hdreg.h linux/fuse.h linux/uinput.h linux/msdos_fs.h",
}  # fmt: skip


def probe(cc, header, exprs):
    """The values of constant expressions, or None where the header is missing or does not know them."""
    src = PRELUDE + (f"#include <{header}>\n" if header else "")
    src += "const unsigned long probe[] = {" + ", ".join(f"(unsigned long)({e})" for e in exprs) + "};\n"
    with tempfile.NamedTemporaryFile("w", suffix=".c") as f:
        f.write(src)
        f.flush()
        r = subprocess.run([cc, "-w", "-S", "-O0", "-fno-pie", f.name, "-o", "-"], capture_output=True, text=True)
    if r.returncode:
        return None
    return numbers(r.stdout, len(exprs))


def numbers(asm, count):
    """The array called probe, in a compiler's output."""
    values = []
    for line in asm.split("probe:", 1)[1].splitlines():
        if m := re.match(r"\s+\.(?:quad|dword|8byte|xword)\s+(-?\d+)", line):
            values.append(int(m[1]) % 2**64)
        elif m := re.match(r"\s+\.zero\s+(\d+)", line):
            values += [0] * (int(m[1]) // 8)
    return values[:count]


def layout_exprs(name, fields):
    yield f"sizeof({name})", "size"
    for f in fields.split():
        yield f"offsetof({name}, {f})", f"offset of {f}"
        yield f"sizeof((({name} *)0)->{f})", f"size of {f}"


def compare(what, header, pairs, same):
    """Print the result line of one row; True when it is as promised."""
    exprs = [e for e, _ in pairs]
    guest, host = probe(GUEST_CC, header, exprs), probe(HOST_CC, header, exprs)
    if "--list" in sys.argv:
        print(what, *(f"\n    {label}: {g} {h}" for (_, label), g, h in zip(pairs, guest or [], host or [])))
        return True
    if guest is None or host is None:
        print(f"not ok {ABI} {what}\n  <{header}> does not give it on both sides")
        return False
    diff = [f"  {label}: {g} on riscv64, {h} here" for (_, label), g, h in zip(pairs, guest, host) if g != h]
    if bool(diff) == same:
        print(f"not ok {ABI} {what}\n" + ("\n".join(diff) or "  is the same on both sides: no need to convert it"))
        return False
    print(f"ok {ABI} {what}")
    return True


def row_faults(call, kinds, classes):
    """Why a row may not be passed on."""
    for kind in kinds:
        if kind == "PTR":
            leads_to = CALLS.get(call)
            if leads_to is None:
                yield f"  {call}: nothing in CALLS says what its {kind} leads to"
            elif leads_to != "fixed":
                yield from (f"  {call}: {s} is not in SAME" for s in leads_to if s not in SAME)
        elif classes.get(kind) in ("PTR", "DEEP") and kind not in BYTES and KINDS.get(kind) not in SAME:
            yield f"  {call}: {kind} leads to {KINDS.get(kind, 'something unknown')}, which is not in SAME"


def table(name):
    return list(check_tables.rows_of((ROOT / "runtime/sys" / name).read_text()))


def check_pass_rows():
    """Every structure that a PASS row hands to the kernel is one that was compared."""
    classes = {r.cols[0]: r.cols[1] for r in table("kinds.def")}
    why = [f for r in table("syscalls.def") if r.name == "PASS" for f in row_faults(r.cols[1], r.cols[3:], classes)]
    for call in OPS:
        why += [f for r in table(call + "s.def") if r.name == "OP" for f in row_faults(call, r.cols[2:], classes)]
    print(f"not ok {ABI} PASS rows" if why else f"ok {ABI} PASS rows", *sorted(set(why)), sep="\n")
    return not why


def check_ops(call, headers):
    """Operations have the table's values on both sides; in an ioctl's the size of its structure is one part."""
    ops = {r.cols[0]: int(r.cols[1], 0) for r in table(call + "s.def")}
    src = "#define _GNU_SOURCE\n#include <sys/types.h>\n#include <sys/socket.h>\n#include <linux/types.h>\n"
    src += "".join(f"#if __has_include(<{h}>)\n#include <{h}>\n#endif\n" for h in headers.split())
    src += "const unsigned long probe[] = {\n" + "".join(f"#ifdef {n}\n(unsigned)({n}),\n#else\n{v},\n#endif\n" for n, v in ops.items()) + "};\n"
    why = []
    for cc in (GUEST_CC, HOST_CC):
        r = subprocess.run([cc, "-w", "-S", "-O0", "-fno-pie", "-x", "c", "-", "-o", "-"], input=src, capture_output=True, text=True)
        values = numbers(r.stdout, len(ops)) if r.returncode == 0 else []
        why += [f"  {n} is {v:#x}, {cc} says {got:#x}" for (n, v), got in zip(ops.items(), values) if v != got]
        if len(values) != len(ops):
            why.append(f"  {cc}: {r.stderr[:500]}")
    print(f"not ok {ABI} values of {call}" if why else f"ok {ABI} values of {call}", *why, sep="\n")
    return not why


def main():
    good = True
    for table, same in ((SAME, True), (DIFFERENT[HOST], False)):
        for name, (header, fields) in table.items():
            if not same or name not in DIFFERENT[HOST]:
                good &= compare(name, header, list(layout_exprs(name, fields)), same)
    for header, names in CONSTANTS.items():
        equal = [(n, n) for n in names.split() if n not in DIFFERENT_CONSTANTS[HOST]]
        good &= compare(f"constants of {header}", header, equal, True)
    if "--list" not in sys.argv:
        good &= check_pass_rows()
        for call, headers in OPS.items():
            good &= check_ops(call, headers)
    return not good


if __name__ == "__main__":
    sys.exit(main())
