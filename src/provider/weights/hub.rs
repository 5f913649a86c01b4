//! Fetches a model's files from their hub, going on where an earlier pull was cut.

use super::catalog::ModelFile;
use super::checked::{self, Pinned};
use super::event::PullEvent;
use super::fault::{Fault, OnDisk};
use super::job::{self, Job};
use super::marker::Marker;
use crate::world::http::{self, Get, HttpError};
use std::path::Path;

/// How often a broken connection is taken up again, if it brought something.
const CUTS_MAX: u32 = 8;

/// Fetches all weights into the staging folder, each checked.
pub fn fetch(job: &Job) -> Result<Marker, Fault> {
    let host = job.model.weights().find_map(|file| file.hub).and_then(host).unwrap_or("hub");
    let mut progress = Progress { before: 0, total: job.model.size(), from: host, started: false };
    for file in job.model.weights() {
        let url = file.hub.ok_or_else(|| Fault::Source(format!("`{}` is on no hub", file.name)))?;
        fetch_file(job, file, url, &mut progress)?;
        progress.before += file.size;
    }
    Ok(Marker::of(job.model, host, job.model.weights()))
}

/// How far all files together are.
struct Progress<'a> {
    /// The sizes of the files that are done, in bytes.
    before: u64,
    total: u64,
    from: &'a str,
    started: bool,
}

fn fetch_file(job: &Job, file: &'static ModelFile, url: &str, progress: &mut Progress) -> Result<(), Fault> {
    let part = job.part(file.name);
    let pinned = Pinned { sha256: file.sha256, size: file.size };
    let resumed = job.disk().stat(&part).is_ok_and(|stat| stat.size > 0);
    download(job, file, url, progress)?;
    job.tell(PullEvent::Verifying { model: job.model.name });
    if let Err(wrong) = checked::verify(job.disk(), &part, pinned) {
        job::remove(job.disk(), &part)?;
        // What an earlier pull left may be what is wrong: then the whole file is fetched once more.
        if !resumed || !wrong.may_be_had_elsewhere() {
            return Err(wrong);
        }
        return fetch_file(job, file, url, progress);
    }
    job.disk().rename(&part, &job.staging.join(file.name)).on_disk("rename", &part)
}

/// Brings the part to its full length.
fn download(job: &Job, file: &ModelFile, url: &str, progress: &mut Progress) -> Result<(), Fault> {
    let part = job.part(file.name);
    let mut cuts = 0;
    loop {
        let length = || job.disk().stat(&part).map_or(0, |stat| stat.size);
        let before = length();
        let error = match job::wait(download_once(job, file, url, &part, progress))? {
            None => return Ok(()),
            Some(error) => error,
        };
        match error {
            HttpError::Cancelled => return Err(Fault::Cancelled),
            HttpError::Cut(_) if length() > before && cuts < CUTS_MAX => cuts += 1,
            // The part is longer than what the server has: it can never be resumed.
            HttpError::Status(416) => {
                job::remove(job.disk(), &part)?;
                return Err(Fault::Source(error.to_string()));
            }
            other => return Err(Fault::Source(other.to_string())),
        }
    }
}

/// Appends what one connection brings; `None` once the part is whole.
async fn download_once(
    job: &Job<'_>,
    file: &ModelFile,
    url: &str,
    part: &Path,
    progress: &mut Progress<'_>,
) -> Result<Option<HttpError>, Fault> {
    let mut out = job.disk().append(part).on_disk("write", part)?;
    let mut have = out.size().on_disk("read", part)?;
    if have > file.size {
        out.truncate(0).on_disk("write", part)?;
        have = 0;
    }
    if have < file.size {
        let request = Get { url, from: have, size_max: file.size, patience: job.patience };
        let mut body = match http::get(request, job.cancel).await {
            Ok(body) => body,
            Err(error) => return Ok(Some(error)),
        };
        // Told only now: a hub that cannot be reached is no beginning.
        if !std::mem::replace(&mut progress.started, true) {
            job.started(progress.from.to_owned(), progress.total);
        }
        if body.start() != have {
            out.truncate(body.start()).on_disk("write", part)?;
            have = body.start();
        }
        loop {
            match body.next().await {
                Ok(Some(piece)) => out.append(&piece).on_disk("write", part)?,
                Ok(None) => break,
                Err(error) => return Ok(Some(error)),
            }
            have = out.size().on_disk("read", part)?;
            job.progress(progress.before + have, progress.total);
        }
    }
    if have < file.size {
        return Ok(Some(HttpError::Cut(format!("{have} of {} bytes came", file.size))));
    }
    out.sync().on_disk("write", part)?;
    Ok(None)
}

/// Returns the host in an address.
fn host(url: &'static str) -> Option<&'static str> {
    url.split_once("://")?.1.split('/').next()
}
