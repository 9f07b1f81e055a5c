//! JSON Schemas of the types of the document, each from the same declaration as the type.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::rows::Row;

/// Definitions of a schema, by name.
pub type Definitions = Map<String, Value>;

/// A type of the document.
pub trait Described {
    /// Returns the schema of a value, and adds the types that it refers to.
    fn schema(definitions: &mut Definitions) -> Value;
}

/// Declares structs of the document with their schemas. `@Default` before a struct derives `Default`.
macro_rules! document_structs {
    ($(
        $(#[doc = $doc:literal])+
        $(@$derive:ident)?
        pub struct $name:ident {
            $($(#[doc = $field_doc:literal])+ pub $field:ident: $type:ty,)*
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, $($derive,)? serde::Serialize)]
        pub struct $name {
            $($(#[doc = $field_doc])+ pub $field: $type,)*
        }

        impl $crate::cli::json::schema::Described for $name {
            fn schema(
                definitions: &mut $crate::cli::json::schema::Definitions,
            ) -> serde_json::Value {
                let mut properties = serde_json::Map::new();
                $(
                    let schema = <$type>::schema(definitions);
                    let text = concat!($($field_doc),+);
                    let schema = $crate::cli::json::schema::with_description(schema, text);
                    properties.insert(stringify!($field).to_owned(), schema);
                )*
                let text = concat!($($doc),+);
                let name = stringify!($name);
                $crate::cli::json::schema::define(definitions, name, text, properties)
            }
        }
    )+};
}

/// Declares enums of the document, each variant with its JSON string.
macro_rules! document_enums {
    ($(
        $(#[doc = $doc:literal])+
        pub enum $name:ident {
            $($(#[doc = $variant_doc:literal])+ $variant:ident = $text:tt,)+
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        pub enum $name {
            $($(#[doc = $variant_doc])+ #[serde(rename = $text)] $variant,)+
        }

        impl $crate::cli::json::schema::Described for $name {
            fn schema(
                _definitions: &mut $crate::cli::json::schema::Definitions,
            ) -> serde_json::Value {
                serde_json::json!({ "type": "string", "enum": [$($text),+] })
            }
        }
    )+};
}

pub(super) use {document_enums, document_structs};

/// Returns a schema with a description.
pub fn with_description(mut schema: Value, text: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), text.trim().into());
    }
    schema
}

/// Adds the definition of an object whose properties are all required, and returns a reference to it.
pub fn define(
    definitions: &mut Definitions,
    name: &str,
    text: &str,
    properties: Map<String, Value>,
) -> Value {
    let required: Vec<&String> = properties.keys().collect();
    let schema = json!({ "type": "object", "required": required, "properties": properties });
    definitions.insert(name.to_owned(), with_description(schema, text));
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// Declares the schemas of types that JSON has a form for.
macro_rules! simple {
    ($($type:ty: $schema:tt;)+) => {$(
        impl Described for $type {
            fn schema(_definitions: &mut Definitions) -> Value {
                json!($schema)
            }
        }
    )+};
}

simple! {
    String: { "type": "string" };
    bool: { "type": "boolean" };
    f64: { "type": "number" };
    u8: { "type": "integer", "minimum": 0, "maximum": 255 };
    u32: { "type": "integer", "minimum": 0 };
    u64: { "type": "integer", "minimum": 0 };
    i64: { "type": "integer" };
    Row: { "type": "object" };
    DateTime<Utc>: { "type": "string", "format": "date-time" };
}

impl<T: Described> Described for Option<T> {
    fn schema(definitions: &mut Definitions) -> Value {
        json!({ "anyOf": [T::schema(definitions), { "type": "null" }] })
    }
}

impl<T: Described> Described for Vec<T> {
    fn schema(definitions: &mut Definitions) -> Value {
        json!({ "type": "array", "items": T::schema(definitions) })
    }
}

impl<T: Described> Described for BTreeMap<String, T> {
    fn schema(definitions: &mut Definitions) -> Value {
        json!({ "type": "object", "additionalProperties": T::schema(definitions) })
    }
}
