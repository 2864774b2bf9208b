//! The binding to chDB's C interface: the only unsafe code of the workspace.
//!
//! The library is loaded at run time, so building needs neither its header
//! nor the library itself. Each C function is wrapped here once, with the
//! ownership rules of the C side turned into Rust's; which connection runs
//! what, and when it is stopped, is `worker`'s and `cancel`'s work.
#![expect(
    unsafe_code,
    reason = "a C library is called; every other module goes through these wrappers"
)]

use std::ffi::{CStr, CString, c_char, c_double, c_int, c_void};
use std::path::Path;
use std::ptr::{NonNull, null};

use crate::Statistics;

type Handle = *mut c_void;

/// Declares the table of C functions: one field per symbol, found by name
/// when the library is loaded.
macro_rules! functions {
    ($($name:ident: $type:ty = $symbol:literal;)*) => {
        struct Functions { $($name: $type,)* }

        impl Functions {
            fn find(library: &libloading::Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of chDB's header for these
                // symbols, and the library is never unloaded (see `Library`).
                unsafe { Ok(Self { $($name: *library.get::<$type>($symbol)?,)* }) }
            }
        }
    };
}

functions! {
    set_signal_handlers_enabled: unsafe extern "C" fn(c_int) = b"chdb_set_signal_handlers_enabled\0";
    connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut Handle = b"chdb_connect\0";
    close: unsafe extern "C" fn(*mut Handle) = b"chdb_close_conn\0";
    shutdown: unsafe extern "C" fn() -> c_int = b"chdb_shutdown\0";
    query: unsafe extern "C" fn(Handle, *const u8, usize, *const u8, usize) -> Handle = b"chdb_query_n\0";
    query_with_parameters: unsafe extern "C" fn(
        Handle, *const u8, usize, *const u8, usize,
        *const *const u8, *const usize, *const *const u8, *const usize, usize,
    ) -> Handle = b"chdb_query_with_params_n\0";
    classify: unsafe extern "C" fn(Handle, *const u8, usize, *const u8, usize, *mut Analysis) -> c_int = b"chdb_classify_query_n\0";
    result_error: unsafe extern "C" fn(Handle) -> *const c_char = b"chdb_result_error\0";
    result_buffer: unsafe extern "C" fn(Handle) -> *const u8 = b"chdb_result_buffer\0";
    result_length: unsafe extern "C" fn(Handle) -> usize = b"chdb_result_length\0";
    result_elapsed: unsafe extern "C" fn(Handle) -> c_double = b"chdb_result_elapsed\0";
    result_rows_read: unsafe extern "C" fn(Handle) -> u64 = b"chdb_result_storage_rows_read\0";
    result_bytes_read: unsafe extern "C" fn(Handle) -> u64 = b"chdb_result_storage_bytes_read\0";
    result_rows_written: unsafe extern "C" fn(Handle) -> u64 = b"chdb_result_rows_written\0";
    result_destroy: unsafe extern "C" fn(Handle) = b"chdb_destroy_query_result\0";
}

/// `chdb_query_analysis_v1`.
#[repr(C)]
struct Analysis {
    struct_size: u32,
    statement_count: u32,
    flags: u32,
    query_class: u32,
}

/// What a text is to ClickHouse's parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Classification {
    /// Statements in the text; 0 when it does not parse.
    pub(super) statements: u32,
    /// Whether they only read: no writes, no `SET` or `USE`, no files.
    pub(super) read_only: bool,
}

/// The answer to a query, copied out of the engine.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) body: Vec<u8>,
    pub(super) statistics: Statistics,
    pub(super) rows_written: u64,
}

/// The loaded library. It stays loaded until the process ends: its threads
/// and exit handlers may run its code until then.
pub(super) struct Library {
    functions: Functions,
}

impl Library {
    /// Loads the library and keeps its hands off the process's signals.
    pub(super) fn load(path: &Path) -> Result<&'static Self, String> {
        // SAFETY: loading runs the library's constructors; chDB's set up its
        // allocator and registries and touch nothing of ours.
        let library = unsafe { libloading::Library::new(path) }.map_err(|e| e.to_string())?;
        let functions = Functions::find(&library).map_err(|e| e.to_string())?;
        std::mem::forget(library);
        // SAFETY: takes a plain flag; called before any connection exists.
        unsafe { (functions.set_signal_handlers_enabled)(0) };
        Ok(Box::leak(Box::new(Self { functions })))
    }

    /// Opens a connection to the engine on `data_directory`, which starts
    /// the engine if it is the first.
    pub(super) fn connect(&'static self, data_directory: &Path) -> Result<Connection, String> {
        let path = data_directory
            .to_str()
            .ok_or("the data directory's path is not UTF-8")?;
        let arguments = ["chdb".to_owned(), format!("--path={path}")].map(CString::new);
        let [program, path] = arguments;
        let program = program.map_err(|e| e.to_string())?;
        let path = path.map_err(|e| e.to_string())?;
        let mut arguments = [program.as_ptr().cast_mut(), path.as_ptr().cast_mut()];
        // SAFETY: two NUL-terminated strings that outlive the call, which
        // copies them and does not write to them.
        let connection = unsafe { (self.functions.connect)(2, arguments.as_mut_ptr()) };
        let refused = || {
            "the engine refused the data directory: it may be in use by another process, not writable, or damaged".to_owned()
        };
        let connection = NonNull::new(connection).ok_or_else(refused)?;
        // SAFETY: a connection that is not null points at its inner handle.
        if unsafe { *connection.as_ptr() }.is_null() {
            return Err(refused());
        }
        Ok(Connection {
            library: self,
            connection,
        })
    }

    /// Stops the engine. Works once per process, when no connection is left.
    pub(super) fn shutdown(&self) -> Result<(), String> {
        // SAFETY: takes nothing; the engine itself checks for connections.
        match unsafe { (self.functions.shutdown)() } {
            0 => Ok(()),
            state => Err(format!("the engine did not stop cleanly (state {state})")),
        }
    }
}

/// A connection to the engine. It may move between threads but serves one at
/// a time, hence `&mut self` everywhere. Closed when dropped.
pub(super) struct Connection {
    library: &'static Library,
    connection: NonNull<Handle>,
}

// SAFETY: chDB ties a connection to no thread; it only forbids using it from
// two at once, which `&mut self` does too.
unsafe impl Send for Connection {}

impl Connection {
    /// Runs SQL, with an insert's rows behind it, and bound parameters, given
    /// as text; errors are ClickHouse's own text.
    pub(super) fn query(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &[(String, String)],
    ) -> Result<Output, String> {
        let functions = &self.library.functions;
        let result = if parameters.is_empty() {
            // SAFETY: an open connection, and texts that outlive the call.
            unsafe {
                (functions.query)(
                    self.handle(),
                    sql.as_ptr(),
                    sql.len(),
                    format.as_ptr(),
                    format.len(),
                )
            }
        } else {
            let column = |text: fn(&(String, String)) -> &String| {
                let texts = parameters.iter().map(text);
                let lengths: Vec<usize> = texts.clone().map(String::len).collect();
                let pointers: Vec<*const u8> = texts.map(|text| text.as_ptr()).collect();
                (pointers, lengths)
            };
            let (names, name_lengths) = column(|(name, _)| name);
            let (values, value_lengths) = column(|(_, value)| value);
            // SAFETY: as above; the four arrays have `parameters.len()`
            // entries each, and every pointer has its own length beside it.
            unsafe {
                (functions.query_with_parameters)(
                    self.handle(),
                    sql.as_ptr(),
                    sql.len(),
                    format.as_ptr(),
                    format.len(),
                    names.as_ptr(),
                    name_lengths.as_ptr(),
                    values.as_ptr(),
                    value_lengths.as_ptr(),
                    parameters.len(),
                )
            }
        };
        self.read(result)
    }

    /// Tells what a text is, without running it.
    pub(super) fn classify(&mut self, sql: &str) -> Result<Classification, String> {
        let mut analysis = Analysis {
            struct_size: size_of::<Analysis>() as u32,
            statement_count: 0,
            flags: 0,
            query_class: u32::MAX,
        };
        // SAFETY: an open connection, a text that outlives the call, no
        // target database, and a struct that says its own size.
        let state = unsafe {
            (self.library.functions.classify)(
                self.handle(),
                sql.as_ptr(),
                sql.len(),
                null(),
                0,
                &mut analysis,
            )
        };
        if state != 0 {
            return Err("the engine could not read the statement".to_owned());
        }
        Ok(Classification {
            statements: analysis.statement_count,
            read_only: analysis.query_class == 0,
        })
    }

    fn handle(&self) -> Handle {
        // SAFETY: points at the inner handle until the connection is closed.
        unsafe { *self.connection.as_ptr() }
    }

    /// Copies a result out and gives it back to the engine.
    fn read(&self, result: Handle) -> Result<Output, String> {
        let functions = &self.library.functions;
        let result = QueryResult {
            functions,
            result: NonNull::new(result).ok_or("the engine gave no result")?,
        };
        let handle = result.result.as_ptr();
        // SAFETY: a live result; the texts and bytes it points at live as
        // long as it does and are copied before it is dropped.
        unsafe {
            if let Some(error) = text((functions.result_error)(handle)) {
                return Err(error);
            }
            let length = (functions.result_length)(handle);
            let buffer = (functions.result_buffer)(handle);
            let body = if length == 0 || buffer.is_null() {
                Vec::new()
            } else {
                std::slice::from_raw_parts(buffer, length).to_vec()
            };
            Ok(Output {
                body,
                statistics: Statistics {
                    elapsed: (functions.result_elapsed)(handle),
                    rows_read: (functions.result_rows_read)(handle),
                    bytes_read: (functions.result_bytes_read)(handle),
                },
                rows_written: (functions.result_rows_written)(handle),
            })
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: open until here, closed once.
        unsafe { (self.library.functions.close)(self.connection.as_ptr()) };
    }
}

struct QueryResult<'library> {
    functions: &'library Functions,
    result: NonNull<c_void>,
}

impl Drop for QueryResult<'_> {
    fn drop(&mut self) {
        // SAFETY: owned by us, destroyed once.
        unsafe { (self.functions.result_destroy)(self.result.as_ptr()) };
    }
}

/// Copies a C string; `None` for null.
///
/// # Safety
/// `text` is null or NUL-terminated and alive during the call.
unsafe fn text(text: *const c_char) -> Option<String> {
    // SAFETY: what the caller promises.
    (!text.is_null()).then(|| {
        unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned()
    })
}
