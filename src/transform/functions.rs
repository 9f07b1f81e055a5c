//! SQL functions that star queries can call in addition to those of DataFusion.
//!
//! - `repair_encoding(text)`: the original text if `text` was encoded to UTF-8 twice, otherwise `text`
//!   itself.
//! - `match_key(text)`: the form of `text` that is compared when plays are matched to songs. This is
//!   `repair_encoding(text)` with `--repair-encoding match`, otherwise `text` itself.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::utils::take_function_args;
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::{Expr, SessionContext};

use crate::decode::repair_encoding;

/// The treatment of text that was encoded to UTF-8 twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum RepairEncoding {
    /// The text is compared and stored unchanged.
    #[default]
    Off,
    /// The text is repaired to match plays to songs, but stored unchanged.
    Match,
    /// The text is repaired before it is compared and stored.
    Store,
}

impl RepairEncoding {
    /// Returns the value of `--repair-encoding`: `off`, `match` or `store`.
    pub fn as_str(self) -> &'static str {
        match self {
            RepairEncoding::Off => "off",
            RepairEncoding::Match => "match",
            RepairEncoding::Store => "store",
        }
    }
}

/// Registers `repair_encoding` and `match_key`.
pub(super) fn register_functions(session: &SessionContext, repair: RepairEncoding) {
    let functions = [
        ("repair_encoding", true),
        // With `store`, text is repaired before it is staged.
        ("match_key", repair == RepairEncoding::Match),
    ];
    for (name, repairs) in functions {
        session.register_udf(ScalarUDF::from(TextFunction::new(name, repairs)));
    }
}

/// A function from text to text: either the repair or the identity.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TextFunction {
    name: &'static str,
    repairs: bool,
    signature: Signature,
}

impl TextFunction {
    fn new(name: &'static str, repairs: bool) -> TextFunction {
        let signature = Signature::uniform(1, vec![DataType::Utf8], Volatility::Immutable);
        TextFunction { name, repairs, signature }
    }
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Utf8)
    }

    /// Replaces a call of the identity by its argument, so that it costs nothing at run time.
    fn simplify(
        &self,
        mut args: Vec<Expr>,
        _: &SimplifyContext,
    ) -> DataFusionResult<ExprSimplifyResult> {
        match args.pop() {
            Some(text) if !self.repairs => Ok(ExprSimplifyResult::Simplified(text)),
            text => Ok(ExprSimplifyResult::Original(text.into_iter().collect())),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let rows = args.number_rows;
        let [text] = take_function_args(self.name, args.args)?;
        if !self.repairs {
            return Ok(text);
        }
        let texts = text.into_array(rows)?;
        let texts = texts
            .as_string_opt::<i32>()
            .ok_or_else(|| DataFusionError::Execution(format!("{} expects text", self.name)))?;
        Ok(ColumnarValue::Array(repair_all(texts)))
    }
}

/// Returns the bytes from which [`decode_function`] makes a function again, or `None` if it is not one of this module.
#[cfg(feature = "cluster")]
pub(crate) fn encode_function(function: &ScalarUDF) -> Option<Vec<u8>> {
    let inner: &dyn std::any::Any = function.inner().as_ref();
    let text = inner.downcast_ref::<TextFunction>()?;
    Some(vec![u8::from(text.repairs)])
}

/// Returns the function called `name` that [`encode_function`] encoded as `bytes`.
#[cfg(feature = "cluster")]
pub(crate) fn decode_function(name: &str, bytes: &[u8]) -> Option<ScalarUDF> {
    let name = ["repair_encoding", "match_key"].into_iter().find(|known| *known == name)?;
    let [repairs] = bytes else { return None };
    Some(ScalarUDF::from(TextFunction::new(name, *repairs != 0)))
}

/// Repairs all texts. Returns the same array if all of it is ASCII, which never needs repair.
fn repair_all(texts: &StringArray) -> ArrayRef {
    if texts.values().is_ascii() {
        return Arc::new(texts.clone());
    }
    let repaired = texts
        .iter()
        .map(|text| text.map(|text| repair_encoding(text).map_or(Cow::Borrowed(text), Cow::Owned)));
    Arc::new(repaired.collect::<StringArray>())
}
