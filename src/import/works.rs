//! What does the work of each stage of an orchestration file: a kind for the six that tell a story, else a command.

use crate::base::secret::is_secret_name;
use crate::import::orchestration::Work;
use crate::import::write::DraftStage;
use crate::import::{param_name, shown};
use serde_json::{Map, Value, json};

/// Where the voice of a service stands.
const PROFILE: &str = "profiles.elevenlabs.providers.narrator";

/// What a stage leaves for those after it.
#[derive(Default)]
pub struct Standing {
    /// The newest text: the idea, then the script in its versions.
    text: Option<String>,
    /// The script as it was before marks for the voice were put in.
    words: Option<String>,
    audio: Option<String>,
    subtitles: Option<String>,
    scenes: Option<String>,
    /// What the stage before wrote.
    last: Option<String>,
}

impl Work<'_> {
    /// Finds what does the work of a stage, by its id.
    pub fn work(&mut self, id: &str, mut parameters: Map<String, Value>, stage: &mut DraftStage) {
        let last = match id {
            "story_idea" => self.idea(&mut parameters, stage),
            "script_generation" => self.script(&mut parameters, stage),
            "script_revision" => {
                self.takes_for_granted(id, "optimize_for_voice", &mut parameters);
                self.version("revision", "build/revised.md", stage)
            }
            "script_enhancement" => {
                self.takes_for_granted(id, "add_voice_tags", &mut parameters);
                let words = self.standing.text.clone();
                let last = self.version("enhancement", "build/tagged.md", stage);
                self.standing.words = words;
                last
            }
            "voice_synthesis" => self.voice(&mut parameters, stage),
            "asr_subtitles" => self.subtitles(stage),
            _ => self.command(id, &mut parameters, stage),
        };
        self.standing.last = Some(last);
        for (name, value) in parameters {
            let why = match (id, name.as_str()) {
                ("story_idea", "count") => "not imported: for several ideas, a `matrix` over `seed`",
                ("voice_synthesis", "model" | "stability" | "similarity_boost" | "style" | "speaker_boost") => {
                    "not imported: it belongs to a voice of a service, and none is named; the built-in voice speaks"
                }
                ("asr_subtitles", "model" | "language") => {
                    "not imported: nothing is recognised, the voice gives its words with exact times"
                }
                _ => "not imported: no setting of this kind",
            };
            self.notes.left(format!("stages.{id}.parameters.{name}"), format!("{why} (was {})", shown(&value)));
            // A secret that stands in the file is not copied into another one.
            if !is_secret_name(&name.to_uppercase()) && !is_secret_name(&format!("_{}", name.to_uppercase())) {
                stage.remarks.push(format!("not imported: {name}: {}", shown(&value)));
            }
        }
    }

    fn idea(&mut self, parameters: &mut Map<String, Value>, stage: &mut DraftStage) -> String {
        let mut with = Map::new();
        if parameters.get("count") == Some(&json!(1)) {
            parameters.remove("count");
            self.notes.kept("stages.story_idea.parameters.count", "nothing: a stage makes one idea");
        }
        for name in ["topic", "tone", "theme"] {
            self.take("story_idea", name, name, parameters, &mut with);
        }
        if !with.contains_key("topic") {
            self.params.entry("topic").or_insert_with(|| self.title.into());
            with.insert("topic".into(), "${params.topic}".into());
            self.notes
                .left("stages.story_idea.parameters.topic", "not said: the param `topic`, now the name of the file");
        }
        stage.set("uses", "idea");
        stage.set("outputs", "build/idea.json");
        stage.set("with", Value::Object(ordered(with, &["topic", "tone", "theme"])));
        self.standing.text = Some("build/idea.json".into());
        "build/idea.json".into()
    }

    fn script(&mut self, parameters: &mut Map<String, Value>, stage: &mut DraftStage) -> String {
        let mut with = Map::new();
        self.take("script_generation", "target_length", "target_words", parameters, &mut with);
        stage.set("uses", "script");
        stage.set("inputs", self.source_text());
        stage.set("outputs", "build/script.md");
        stage.set("with", Value::Object(with));
        self.standing.text = Some("build/script.md".into());
        "build/script.md".into()
    }

    /// A stage that makes another version of the text.
    fn version(&mut self, preset: &str, output: &str, stage: &mut DraftStage) -> String {
        stage.set("uses", preset);
        stage.set("inputs", self.source_text());
        stage.set("outputs", output);
        self.standing.text = Some(output.to_owned());
        output.to_owned()
    }

    fn voice(&mut self, parameters: &mut Map<String, Value>, stage: &mut DraftStage) -> String {
        self.vendor(parameters);
        stage.set("uses", "voice");
        stage.set("inputs", self.source_text());
        stage.set("outputs", json!({"audio": "dist/voice.wav", "words": "build/words.json"}));
        self.standing.audio = Some("dist/voice.wav".into());
        "dist/voice.wav".into()
    }

    /// Puts the voice of the service that the file names into a profile: without it the built-in voice speaks, for which
    /// nobody needs a key.
    fn vendor(&mut self, parameters: &mut Map<String, Value>) {
        const STAGE: &str = "voice_synthesis";
        let mut narrator = Map::from_iter([("type".to_owned(), json!("elevenlabs"))]);
        self.take_as(STAGE, ("voice_id", "voice"), parameters, &mut narrator, PROFILE);
        if !narrator.contains_key("voice") {
            return;
        }
        self.take_as(STAGE, ("model", "model"), parameters, &mut narrator, PROFILE);
        narrator.entry("model").or_insert_with(|| json!("eleven_multilingual_v2"));
        narrator.insert("api_key".into(), json!("${ELEVENLABS_API_KEY}"));
        let mut settings = Map::new();
        for (from, to) in [
            ("stability", "stability"),
            ("similarity_boost", "similarity_boost"),
            ("style", "style"),
            ("speaker_boost", "use_speaker_boost"),
        ] {
            self.take_as(STAGE, (from, to), parameters, &mut settings, &format!("{PROFILE}.settings"));
        }
        if !settings.is_empty() {
            narrator.insert("settings".into(), Value::Object(settings));
        }
        self.profile = Some(json!({
            "elevenlabs": {
                "providers": { "narrator": ordered(narrator, &["type", "model", "voice", "api_key", "settings"]) },
                "defaults": { "provider": { "voice": "narrator" } },
            },
        }));
    }

    fn subtitles(&mut self, stage: &mut DraftStage) -> String {
        stage.set("uses", "subtitles");
        // Without a voice of ours the words come from a file beside.
        stage.set("inputs", "build/words.json");
        if self.standing.audio.is_none() {
            stage.set("description", "Needs words with times: the voice's second output, or a stage `uses: align`");
            stage.fields.retain(|(name, _)| name != "inputs");
            stage.set("inputs", "build/words.json?");
        }
        stage.set("outputs", "dist/story.srt");
        self.standing.subtitles = Some("dist/story.srt".into());
        "dist/story.srt".into()
    }

    /// A stage that no kind does: a command with the parameters as variables.
    fn command(&mut self, id: &str, parameters: &mut Map<String, Value>, stage: &mut DraftStage) -> String {
        let standing = &self.standing;
        let words = standing.words.clone().or_else(|| standing.text.clone());
        let (inputs, output): (Vec<(&str, Option<String>)>, &str) = match id {
            "scene_analysis" => (
                vec![("script", words), ("subtitles", standing.subtitles.clone()), ("audio", standing.audio.clone())],
                "build/scenes.json",
            ),
            "scene_description" => (vec![("scenes", standing.scenes.clone()), ("script", words)], "build/shots.json"),
            "keyframe_generation" => (vec![("shots", standing.scenes.clone())], "build/keyframes/"),
            "video_interpolation" => {
                (vec![("shots", standing.scenes.clone()), ("keyframes", standing.last.clone())], "build/clips/")
            }
            "video_composition" => (
                vec![
                    ("clips", standing.last.clone()),
                    ("audio", standing.audio.clone()),
                    ("subtitles", standing.subtitles.clone()),
                ],
                "dist/story.mp4",
            ),
            _ => (vec![("before", standing.last.clone())], ""),
        };
        let output = if output.is_empty() { format!("build/{}.out", stage.name) } else { output.to_owned() };
        if id.starts_with("scene_") {
            self.standing.scenes = Some(output.clone());
        }
        let inputs: Map<String, Value> =
            inputs.into_iter().filter_map(|(role, path)| Some((role.to_owned(), path?.into()))).collect();
        let program = format!("./tools/{}", stage.name);
        let mut words = vec![program.clone()];
        words.extend(inputs.keys().map(|role| format!("${{inputs.{role}}}")));
        words.push("${outputs[0]}".into());
        let mut env = Map::new();
        for (name, value) in std::mem::take(parameters) {
            let place = format!("stages.{id}.parameters.{name}");
            let variable = param_name(&name).to_uppercase();
            if is_secret_name(&variable) {
                self.notes.left(place, format!("not imported: a secret; write `pass: [{variable}]`"));
                continue;
            }
            let Some(value) = self.text(&place, &value) else { continue };
            self.notes.kept(place, format!("the variable `{variable}` of the command"));
            env.insert(variable, if let Value::String(text) = value { text.into() } else { value.to_string().into() });
        }
        self.notes.left(
            format!("stages.{id}"),
            format!("a command, `{program}`, that is yours to write: it reads its first words and writes the last one"),
        );
        stage.remarks.push(format!("storygen has no kind for this: write {program}, or another command"));
        stage.set("inputs", Value::Object(inputs));
        stage.set("outputs", output.as_str());
        stage.set("env", Value::Object(env));
        stage.set("run", words);
        output
    }

    fn source_text(&self) -> Value {
        self.standing.text.clone().unwrap_or_else(|| "story.md".to_owned()).into()
    }
}

fn ordered(mut map: Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| map.remove(*name).map(|value| ((*name).to_owned(), value))).collect()
}
