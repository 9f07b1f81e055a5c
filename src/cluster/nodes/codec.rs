//! The nodes and functions of this program as bytes within a plan.

use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::ScalarUDF;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use serde::{Deserialize, Serialize};

use super::cut::CutExec;
use super::decode::DecodeExec;
use super::services::Services;
use super::spec::{CutSpec, DecodeSpec, WriteSpec};
use super::write::WriteExec;
use crate::cluster::version;
use crate::transform::{decode_function, encode_function};

/// First bytes of the nodes of this program. Ballista's own nodes are Protocol Buffers, which cannot begin with them:
/// 0x53 would be a start of a group, which Protocol Buffers of version 3 lack.
const MARK: &[u8] = b"Starlift";

/// Encodes the nodes of this program, and passes all others on to Ballista's codec.
#[derive(Debug, Default)]
pub(crate) struct Codec {
    ballista: BallistaPhysicalExtensionCodec,
    services: Option<Arc<Services>>,
}

/// A node without its input, and the version of the program that encoded it.
#[derive(Serialize, Deserialize)]
struct Encoded {
    version: String,
    node: Node,
}

#[derive(Serialize, Deserialize)]
enum Node {
    Decode(Arc<DecodeSpec>),
    Cut(Arc<CutSpec>),
    Write(Arc<WriteSpec>),
}

/// Returns the codec of a process; `services` are those of an executor.
pub(crate) fn physical_codec(services: Option<Arc<Services>>) -> Arc<dyn PhysicalExtensionCodec> {
    Arc::new(Codec { ballista: BallistaPhysicalExtensionCodec::default(), services })
}

impl Node {
    fn of(plan: &Arc<dyn ExecutionPlan>) -> Option<Node> {
        if let Some(node) = plan.downcast_ref::<DecodeExec>() {
            return Some(Node::Decode(Arc::new(node.spec().clone())));
        }
        if let Some(node) = plan.downcast_ref::<CutExec>() {
            return Some(Node::Cut(Arc::new(node.spec().clone())));
        }
        plan.downcast_ref::<WriteExec>().map(|node| Node::Write(Arc::new(node.spec().clone())))
    }

    fn into_plan(
        self,
        inputs: &[Arc<dyn ExecutionPlan>],
        services: Option<Arc<Services>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = inputs else {
            return Err(DataFusionError::Internal("a node has several inputs".to_owned()));
        };
        let input = input.clone();
        Ok(match self {
            Node::Decode(spec) => Arc::new(DecodeExec::new(input, spec, services)),
            Node::Cut(spec) => Arc::new(CutExec::new(input, spec)?),
            Node::Write(spec) => Arc::new(WriteExec::new(input, spec, services)),
        })
    }
}

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(encoded) = bytes.strip_prefix(MARK) else {
            return self.ballista.try_decode(bytes, inputs, context, converter);
        };
        let unreadable = |e: serde_json::Error| DataFusionError::External(e.into());
        let encoded: Encoded = serde_json::from_slice(encoded).map_err(unreadable)?;
        version::ensure_same(&encoded.version)?;
        encoded.node.into_plan(inputs, self.services.clone())
    }

    fn try_encode(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(node) = Node::of(&plan) else {
            return self.ballista.try_encode(plan, bytes, converter);
        };
        let encoded = Encoded { version: version::own(), node };
        bytes.extend(MARK);
        serde_json::to_writer(bytes, &encoded).map_err(|e| DataFusionError::External(e.into()))
    }

    fn try_decode_udf(&self, name: &str, bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        match decode_function(name, bytes) {
            Some(function) => Ok(Arc::new(function)),
            None => self.ballista.try_decode_udf(name, bytes),
        }
    }

    fn try_encode_udf(&self, function: &ScalarUDF, bytes: &mut Vec<u8>) -> Result<()> {
        match encode_function(function) {
            Some(encoded) => bytes.extend(encoded),
            None => self.ballista.try_encode_udf(function, bytes)?,
        }
        Ok(())
    }
}
