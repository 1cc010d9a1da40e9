//! Parses a trace of `strace`, as calls in the order in which they ended.
//!
//! Strings are in hexadecimal (`-xx`) and whole (`-s`). A line therefore holds no comma, bracket or
//! quote except strace's own.

use std::collections::BTreeMap;

/// The calls that are traced: all that change files or folders, and all that change the meaning of
/// a descriptor.
pub(crate) const CALLS: &str = "\
    openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,\
    fdatasync,sync_file_range,msync,sync,syncfs,rename,renameat,renameat2,link,linkat,symlink,\
    symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,close,dup,dup2,dup3,fcntl,lseek,\
    copy_file_range,sendfile,splice,mmap";

/// The longest string of the trace. No single write of a small site is longer.
pub(crate) const STRING_BYTES_MAX: usize = 16 << 20;

/// One event in the life of a process.
#[derive(Debug)]
pub(crate) struct Event {
    /// The time in µs since 1970. A call that begins and ends on one line of strace has the time of
    /// its beginning.
    pub(crate) time: u64,
    /// The phase of the call. The beginning is an event of its own only if other calls came before
    /// the end.
    pub(crate) phase: Phase,
    pub(crate) call: Call,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Begun,
    Ended,
    /// The call began and ended.
    Whole,
}

/// A call to the system.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
    /// The result; `None` if the call failed, or the process ended first.
    pub(crate) result: Option<u64>,
    /// True if the process ended first.
    is_unknown: bool,
    thread: u32,
}

impl Call {
    /// Returns the thread of the call, with which the end of a beginning is found.
    pub(crate) fn thread(&self) -> u32 {
        self.thread
    }

    pub(crate) fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync")
    }

    pub(crate) fn number(&self, at: usize) -> u64 {
        let text = &self.arguments[at];
        let parsed = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        parsed.unwrap_or_else(|error| panic!("{text}: {error} in {self:?}"))
    }

    pub(crate) fn bytes(&self, at: usize) -> Vec<u8> {
        string(&self.arguments[at])
    }

    pub(crate) fn path(&self, at: usize) -> String {
        String::from_utf8(self.bytes(at)).expect("our paths are UTF-8")
    }

    /// Returns the call as text for a human reader.
    pub(crate) fn described(&self) -> String {
        let argument = |text: &String| match text.starts_with('"').then(|| string(text)) {
            Some(bytes) if bytes.len() < 200 && bytes.is_ascii() => {
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Some(bytes) => format!("{} bytes", bytes.len()),
            None => text.clone(),
        };
        let arguments: Vec<String> = self.arguments.iter().map(argument).collect();
        format!("{}({})", self.name, arguments.join(", "))
    }

    pub(crate) fn has_flag(&self, at: usize, flag: &str) -> bool {
        self.arguments
            .get(at)
            .is_some_and(|flags| flags.split('|').any(|found| found == flag))
    }

    /// Returns the strings of a writev, concatenated.
    pub(crate) fn gathered(&self, at: usize) -> Vec<u8> {
        self.arguments[at]
            .split("iov_base=")
            .skip(1)
            .flat_map(|part| string(part.split(',').next().unwrap_or_default()))
            .collect()
    }
}

/// Returns an end for each call, except syncs, that was in progress when the process was killed:
/// such a call may have completed.
pub(crate) fn on_their_way(events: &[Event]) -> Vec<Event> {
    let mut last: BTreeMap<u32, &Event> = BTreeMap::new();
    for event in events {
        last.insert(event.call.thread, event);
    }
    let unknown = last
        .into_values()
        .filter(|event| event.call.is_unknown && !event.call.is_sync());
    let ended = unknown.map(|event| {
        let mut call = event.call.clone();
        call.result = Some(match call.name.as_str() {
            "write" | "pwrite64" => call.number(2),
            _ => 0,
        });
        Event {
            time: event.time,
            phase: Phase::Ended,
            call,
        }
    });
    ended.collect()
}

/// Parses the calls of a trace that strace wrote with `-f -ttt -xx`.
pub(crate) fn parse(trace: &str) -> Vec<Event> {
    let mut begun: BTreeMap<u32, String> = BTreeMap::new();
    let mut events = Vec::new();
    for line in trace.lines() {
        let (thread, rest) = line.split_once(' ').unwrap_or_else(|| unknown(line));
        let (time, rest) = rest
            .trim_start()
            .split_once(' ')
            .unwrap_or_else(|| unknown(line));
        let thread: u32 = thread.parse().unwrap_or_else(|_| unknown(line));
        let time = micros(time).unwrap_or_else(|| unknown(line));
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(head) = rest.strip_suffix(" <unfinished ...>") {
            // Its arguments end where it was interrupted. They are complete for calls that only
            // pass data to the system.
            let call = call(thread, &format!("{head}) = ?"));
            begun.insert(thread, head.to_owned());
            let phase = Phase::Begun;
            events.push(Event { time, phase, call });
        } else if let Some((_, tail)) = rest
            .split_once(" resumed>")
            .filter(|_| rest.starts_with("<..."))
        {
            let head = begun.remove(&thread).unwrap_or_else(|| unknown(line));
            let call = call(thread, &format!("{head}{tail}"));
            let phase = Phase::Ended;
            events.push(Event { time, phase, call });
        } else {
            let call = call(thread, rest);
            let phase = Phase::Whole;
            events.push(Event { time, phase, call });
        }
    }
    events
}

fn call(thread: u32, text: &str) -> Call {
    let (called, result) = text.rsplit_once(" = ").unwrap_or_else(|| unknown(text));
    let (name, arguments) = called.split_once('(').unwrap_or_else(|| unknown(text));
    let arguments = arguments.trim_end();
    let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
    let result = result.split(' ').next().unwrap_or_default();
    let is_unknown = result == "?";
    let result = match result.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => result.parse().ok(),
    };
    Call {
        name: name.to_owned(),
        arguments: split(arguments),
        result,
        is_unknown,
        thread,
    }
}

/// Splits the arguments at the commas outside brackets.
fn split(arguments: &str) -> Vec<String> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, byte) in arguments.bytes().enumerate() {
        match byte {
            b'[' | b'{' | b'(' => depth += 1,
            b']' | b'}' | b')' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(arguments[from..at].trim().to_owned());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(arguments[from..].trim().to_owned());
    parts
}

/// Decodes a string such as `"\x2f\x74"`.
fn string(text: &str) -> Vec<u8> {
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let hexadecimal = quoted.unwrap_or_else(|| panic!("no whole string: {:.80}", text));
    hexadecimal
        .split("\\x")
        .skip(1)
        .map(|digits| u8::from_str_radix(digits, 16).unwrap_or_else(|_| unknown(digits)))
        .collect()
}

fn micros(time: &str) -> Option<u64> {
    let (seconds, micros) = time.split_once('.')?;
    let seconds: u64 = seconds.parse().ok()?;
    Some(seconds * 1_000_000 + micros.parse::<u64>().ok()?)
}

fn unknown(line: &str) -> ! {
    panic!("strace wrote what this does not understand: {line:.300}")
}
