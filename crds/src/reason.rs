//! Every reason that the operator gives in a condition, an event or a step, with its meaning and what to do.
//!
//! One list: `docs/reference/reasons.md` is generated from it, and a test compares.

/// Declares the reasons: name, meaning, remedy.
macro_rules! reasons {
    ($($name:ident: $meaning:literal, $remedy:literal;)*) => {
        /// Why a condition has its status, what an event tells, or why an attempt of a step did not succeed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $(#[doc = $meaning] $name,)* }

        impl Reason {
            /// All of them, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The reason in CamelCase, as conditions and events carry it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

reasons! {
    Ready: "Everything that was declared is there and answers.", "Nothing.";
    Reconciling: "The operator is working towards the declared state.", "Wait.";
    PodsNotReady: "The pods are not ready yet.", "Wait; if it lasts, look at the pods' events.";
    ImageNotAvailable: "The image of the workload can't be pulled.", "Correct the image, or the registry's credentials.";
    PodsFailing: "The container of the workload keeps ending.", "Read the logs of the pod.";
    SecretMissing: "A Secret that the resource names does not exist.", "Create the Secret in the same namespace.";
    SecretKeyMissing: "The Secret exists, but has no such key, or the key is empty.", "Add the key to the Secret.";
    TokenRefused: "Airtable refuses the token.", "Put a valid token into the Secret; the gateway takes it up by itself.";
    CertificateUnusable: "The Secret of spec.tls holds no certificate with its key.", "Put both into it, as PEM; the gateway takes them up by itself.";
    AttachmentKeysUnusable: "The Secret of spec.attachments holds no keys that can sign links.", "Put random ones into it, each of at least 32 characters, one a line; the gateway takes them up by itself.";
    StoreUnreachable: "The gateway can't use the store of spec.store, and no request goes to Airtable.", "Check the URL and password in the Secret, the server, and egress rules; the gateway goes on by itself once the store answers.";
    BaseNotFound: "Airtable does not know the base, or the token is not granted to it.", "Correct spec.baseId, or grant the token access to the base.";
    UpstreamUnreachable: "Airtable can't be reached.", "Check spec.endpoint, DNS and egress rules.";
    GatewayUnreachable: "The gateway's pods are ready, but the gateway does not answer the operator.", "Check network policies between the operator and the gateway.";
    SchemaMatches: "The base has the tables and fields that spec.schema declares.", "Nothing.";
    SchemaDrift: "The base differs from spec.schema, and the policy does not let the operator change that, or the change is not made yet.", "Look at status.drift: change the base or the declaration, or set spec.schema.policy to Create or Apply.";
    SchemaCannotChange: "The base differs from spec.schema in what Airtable's API can't change.", "Look at status.drift: make the change in Airtable, or correct the declaration.";
    SchemaWriteRefused: "Airtable or the gateway refused a change of the schema, or gave no answer.", "Read the message: correct the declaration, or give the token the scope schema.bases:write and the role of a creator.";
    SchemaNotRead: "The schema of the base was not read, so that nobody knows whether it matches.", "Look at Ready.";
    SchemaChanged: "The operator changed the schema of the base.", "Nothing.";
    WorkerUnreachable: "The worker does not answer.", "Look at the worker's pods; calls are repeated by themselves.";
    SagasUnderWay: "The workflow or base is being deleted, and sagas that use it are under way.", "Wait for them, or cancel them.";
    StepNotGettingOn: "A step was tried many times without success, and is tried on.", "Read the message: it has the worker's own words.";
    WorkerError: "The worker answered something that the step contract does not know, so that the outcome is unknown.", "Nothing; the call is repeated under the same key. If it lasts, look at the worker's logs.";
    BaseNotReady: "A base that a step uses is missing or not ready.", "Look at the conditions of the AirtableBase.";
    Invalid: "The resource can't mean anything.", "Correct what the message names.";
    WorkflowMissing: "The Workflow that the saga names does not exist, or is being deleted.", "Create the Workflow, or correct the name; a saga that shall go: delete it, with a repair for each step that may have an effect.";
    RevisionLost: "The definition that the saga started with is gone.", "Restore the ControllerRevision; or see to the effects by hand, say so by a repair (Resolve or Skip) for each step, and delete the saga.";
    JournalLost: "The saga has started once, but its status is gone, so that nobody knows what was done.", "Check the effects by hand, then create a new saga.";
    Running: "The saga is doing its steps.", "Wait.";
    Suspended: "The saga is held by spec.suspend.", "Set spec.suspend to false to go on.";
    Resumed: "The saga goes on.", "Nothing.";
    Compensating: "The saga is undoing what it did.", "Wait.";
    Completed: "Every step is done.", "Nothing.";
    StepFailed: "A step failed for good, and everything that was done is undone.", "Read the step's message.";
    Cancelled: "The saga was cancelled, and everything that was done is undone.", "Nothing.";
    DeadlineExceeded: "The saga did not end in time, and everything that was done is undone.", "Raise activeDeadlineSeconds, or find out what was slow.";
    Deleted: "The saga was deleted while it ran, and everything that was done is undone.", "Nothing.";
    CompensationStuck: "A compensation failed for good: its effect is still there.", "Decide with spec.repairs: Retry, Skip or Resolve.";
    EffectsLeft: "The saga ended, and effects were knowingly left.", "Nothing; they were skipped by a person.";
    InvalidInput: "The input of a step has a placeholder without a value.", "Correct the input, or give the parameter that the message names.";
    NoToken: "The operator has no token for the worker.", "Read the message: the Secret of an external worker, or the operator's rights.";
    AnswerTooLarge: "The worker's answer is larger than the operator reads, so that its outcome is unknown.", "Let the worker answer with less; large outputs belong elsewhere.";
    NoAnswer: "The worker did not answer in time, so that the outcome is unknown.", "Nothing; the call is repeated under the same key. If it lasts, look at the worker's logs.";
    Overloaded: "The operator had too many calls under way.", "Nothing; the call is repeated. If it lasts, raise --calls-in-flight.";
    CompensationDeadlineExceeded: "The compensation did not end in compensationDeadlineSeconds.", "Decide with spec.repairs: Retry, Skip or Resolve.";
    RepairApplied: "A repair was applied.", "Nothing.";
    RepairRefused: "A repair names a step that needs none: it has no effect to undo, or the saga is not on its way back.", "Look at the steps of the saga.";
    ApplyFailed: "The API server refused a child.", "Read the message: quota, policy or a name that is taken.";
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The page of the reference, in Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# Reasons\n\nEvery reason that the operator gives in a condition, an event or a step; workers add their own to steps. Generated: `UPDATE=1 cargo test -p crds`.\n\n| reason | meaning | what to do |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        page.extend(["| ", reason.as_str(), " | ", reason.meaning(), " | ", reason.remedy(), " |\n"]);
    }
    page
}
