//! A filter that kills the process for each call that is not allowed.

use nix::libc;

/// Returns the number of the system call of this name.
fn number(name: &str) -> libc::c_long {
    macro_rules! find {
        ($($known:literal $number:ident),*) => {
            match name { $($known => libc::$number,)* _ => panic!("{name} has no number here: add it") }
        };
    }
    find!(
        "brk" SYS_brk, "capget" SYS_capget, "clock_gettime" SYS_clock_gettime, "close" SYS_close, "dup3" SYS_dup3, "exit_group" SYS_exit_group, "fcntl" SYS_fcntl,
        "futex" SYS_futex, "ioctl" SYS_ioctl, "madvise" SYS_madvise, "mmap" SYS_mmap, "mremap" SYS_mremap,
        "munmap" SYS_munmap, "restart_syscall" SYS_restart_syscall,
        "newfstatat" SYS_newfstatat, "openat" SYS_openat, "pipe2" SYS_pipe2, "poll" SYS_poll,
        "preadv2" SYS_preadv2, "read" SYS_read, "rt_sigpending" SYS_rt_sigpending,
        "rt_sigprocmask" SYS_rt_sigprocmask, "rt_sigtimedwait" SYS_rt_sigtimedwait,
        "sched_yield" SYS_sched_yield, "write" SYS_write, "clock_nanosleep" SYS_clock_nanosleep
    )
}

/// Allows all threads of this process only these calls from now on.
pub fn allow_only<'a>(names: impl Iterator<Item = &'a str>) {
    let statement = |code: u32, k: u32, jf: u8| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for name in names {
        program.push(statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number(name) as u32, 1));
        program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0));
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_KILL_PROCESS, 0));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    let (mode, flags) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_TSYNC);
    // SAFETY: `filter` describes `program`, which the calls only read.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let answer = libc::syscall(libc::SYS_seccomp, mode as libc::c_long, flags as libc::c_long, &filter);
        assert_eq!(answer, 0);
    }
}
