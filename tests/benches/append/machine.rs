//! How busy the machine is.

use anyhow::{Context, Result};

/// The CPU time of all cores since the start, in ticks (proc_stat(5)).
pub(crate) struct CpuTime {
    busy: u64,
    all: u64,
}

impl CpuTime {
    pub(crate) fn now() -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat")?;
        let cpu = stat.lines().next().and_then(|line| line.strip_prefix("cpu ")).context("/proc/stat")?;
        let fields = cpu.split_whitespace().take(8).map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        let all = fields.iter().sum();
        // The fourth is idle, the fifth waits for disks.
        let idle: u64 = fields.iter().skip(3).take(2).sum();
        Ok(Self { busy: all - idle, all })
    }

    /// The part of the time since then in which the cores were busy, 0 to 1.
    pub(crate) fn busy_since(&self) -> Result<f64> {
        let now = Self::now()?;
        Ok((now.busy - self.busy) as f64 / (now.all - self.all).max(1) as f64)
    }
}
