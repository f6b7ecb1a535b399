//! Load for the machine: threads that never sleep, in a process of their own.
//!
//! The process is separate so that its CPU time is not counted as that of the timers.

use std::io::{Read, Result};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

pub const THREADS_PER_CPU: usize = 2;

/// The process with the busy threads. They end when it is dropped.
pub struct Load(Child);

impl Load {
    pub fn start() -> Result<Load> {
        let threads = THREADS_PER_CPU * crate::machine::processors();
        let mut command = Command::new(std::env::current_exe()?);
        let child = command.args(["--busy", &threads.to_string()]).stdin(Stdio::piped()).spawn()?;
        // The scheduler spreads the threads over the CPUs.
        sleep(Duration::from_secs(1));
        Ok(Load(child))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Keeps this number of threads busy until standard input ends.
///
/// It also ends if the process that holds the other end is killed.
pub fn run(threads: usize) -> Result<()> {
    for _ in 0..threads {
        std::thread::spawn(|| loop {
            std::hint::spin_loop();
        });
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
