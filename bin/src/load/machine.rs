//! What the process takes of the machine, as Linux tells it; elsewhere nothing is told.

use std::fs::read_to_string;

/// A tick of the processor's clock as the kernel tells it: a hundredth of a second on every platform of Linux.
const TICK_US: u64 = 10_000;

/// Bytes of memory that the process holds now, and the most that it ever held.
pub(super) fn memory_bytes() -> Option<(u64, u64)> {
    let status = read_to_string("/proc/self/status").ok()?;
    Some((kilobytes(&status, "VmRSS:")? * 1_024, kilobytes(&status, "VmHWM:")? * 1_024))
}

/// Time that all threads of the process have spent on processors.
pub(super) fn cpu_us() -> Option<u64> {
    ticks(&read_to_string("/proc/self/stat").ok()?).map(|ticks| ticks * TICK_US)
}

/// Nanoseconds that those threads of the process have spent on processors whose names begin so; threads that have ended
/// are not among them.
pub(super) fn threads_cpu_ns(named: &str) -> Option<u64> {
    let mut sum = 0;
    for thread in std::fs::read_dir("/proc/self/task").ok()? {
        let thread = thread.ok()?.path();
        // A thread may end between two looks.
        let Ok(name) = read_to_string(thread.join("comm")) else { continue };
        if name.starts_with(named) {
            sum += on_processors_ns(&read_to_string(thread.join("schedstat")).ok()?)?;
        }
    }
    Some(sum)
}

/// The first of the scheduler's figures: the time on processors.
fn on_processors_ns(schedstat: &str) -> Option<u64> {
    schedstat.split(' ').next()?.parse().ok()
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// User and system time. The name of the process stands in brackets before them, and may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, behind) = stat.rsplit_once(") ")?;
    let mut fields = behind.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let status = "Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kilobytes(status, "VmRSS:"), Some(1_024));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 100 0 0 0 120 30 0 0 20 0 1 0";
        assert_eq!(ticks(stat), Some(150));
        assert_eq!(on_processors_ns("243450005 454716152 102\n"), Some(243_450_005));
    }
}
