---@meta

-- What a plugin of the iHaNoi gateway finds in the global "ihanoi", for
-- editors that use the Lua language server. docs/host-functions.md is the same
-- to read.
--
-- Made by "make reference" of the tables in ngx_ihanoi_module/: edit the rows
-- there and make it again.

---@class ihanoi
---@field request ihanoi.request
---@field response ihanoi.response
---@field plugin ihanoi.plugin
---@field run ihanoi.run
---@field log ihanoi.log
---@field backend ihanoi.backend
---@field interface ihanoi.interface
---@field services ihanoi.services
---@field db ihanoi.db
---@field events ihanoi.events
---@field metric ihanoi.metric
---@field json ihanoi.json
---@field store ihanoi.store
---@field lock ihanoi.lock
---@field cache ihanoi.cache
---@field crypto ihanoi.crypto
---@field jwt ihanoi.jwt
---@field time ihanoi.time
---@field money ihanoi.money
---@field uuid ihanoi.uuid
---@field text ihanoi.text
ihanoi = {}


---A request to a backend.
---@class ihanoi.BackendRequest
---@field method? "GET"|"HEAD"|"POST"|"PUT"|"PATCH"|"DELETE" GET when left out
---@field path? string|(string|number)[] as in a URL, or segments to be encoded
---@field query? table<string, any>
---@field headers? table<string, string>
---@field json? any a value for the body
---@field body? string or a text for it
---@field timeout? number seconds
---@field max_size? integer bytes of the answer's body


---The answer of a backend.
---@class ihanoi.BackendResponse
---@field status integer
---@field headers table<string, string> names in lower case
---@field body string
---@field json? fun(): any, string the body's value, or nil and why it is not JSON


---Who is calling, as the verified token says.
---@class ihanoi.Caller
---@field issuer string who issued the token
---@field sub string unique among those of the issuer
---@field subject string issuer, a space, and sub: unique everywhere
---@field assurance "none"|"declared"|"phone"|"verified" how sure it is who that is
---@field scopes string[]
---@field claims table<string, any> all claims of the token


---Why a call of the database failed.
---@class ihanoi.DbError
---@field code string
---@field message string
---@field sqlstate? string when the server has refused
---@field members? table<string, any> of a problem that SQL has raised


---The one value that stands for null in JSON. It is true in a condition:
---compare with `ihanoi.json.null`.
---@class ihanoi.Null


---What a service asks a person's consent for.
---@class ihanoi.Purpose
---@field name string
---@field version integer of the title
---@field title { vi: string, en: string } what a person agrees to
---@field data string[] classes of data that it is about


---JSON text that is written as it is, made by `ihanoi.json.raw()`. `tostring()`
---gives the text; it has no members.
---@class ihanoi.Raw


---A plugin as everybody may see it.
---@class ihanoi.Service
---@field name string
---@field version string
---@field title { vi: string, en: string }
---@field agency { name: string, contact: string }
---@field prefix string what its paths begin with
---@field documentation? string a URL
---@field data string[] classes of data that it reads or keeps
---@field purposes ihanoi.Purpose[] what it asks consent for
---@field state "serving"|"degraded"|"failing"|"disabled" degraded: without its database; failing: its circuit is open


---A task that `ihanoi.run.spawn()` has begun, for `ihanoi.run.wait()`. It has
---no members.
---@class ihanoi.Task


---What a handler may know of its request beside the arguments it is called
---with.
---@class ihanoi.request
ihanoi.request = {}

---Who is calling, of the verified token: issuer and sub, together the subject;
---assurance (declared, phone, verified or none); scopes, a list; claims, all of
---the token's, of which an integer beyond 2^53 is its text. nil when there was
---no token.
---
---In phases: request, interface.
---@return ihanoi.Caller? caller
function ihanoi.request.caller() end

---Whether the caller's token grants the scope. What all of an operation's
---callers need, its contract demands; this is for what some may see.
---
---In phases: request, interface.
---@param scope string
---@return boolean granted
function ihanoi.request.has_scope(scope) end

---The request's number in all logs: 32 hexadecimal digits.
---
---In phases: request, interface.
---@return string id
function ihanoi.request.id() end

---The operationId of the contract.
---
---In phases: request.
---@return string operation_id
function ihanoi.request.operation() end

---The language that the client prefers, of those the city answers in.
---
---In phases: request, interface.
---@return "vi"|"en" language
function ihanoi.request.language() end

---The media type that the answer will have: the one of the contract that the
---client likes best, or that the path's suffix asks for. nil when the contract
---has no body.
---
---In phases: request.
---@return string? type
function ihanoi.request.media_type() end

---The whole body as the client sent it, checked against the contract; null
---members are `ihanoi.json.null`, and an integer beyond 2^53 is its text. nil
---when there was none.
---
---In phases: request.
---@return any body
function ihanoi.request.body() end

---The same body, byte for byte: what a partner's signature is over. nil when
---there was none.
---
---In phases: request.
---@return string? text
function ihanoi.request.body_text() end

---The query as the client sent it, still encoded, without the question mark:
---with the parameters that an operation with x-ihanoi-query: open does not
---declare, which nobody has checked. "" when there was none.
---
---In phases: request.
---@return string text
function ihanoi.request.query_text() end

---The Idempotency-Key of a POST: hand it on to systems that take one. nil when
---there was none.
---
---In phases: request.
---@return string? key
function ihanoi.request.idempotency_key() end

---Seconds until the request's deadline. Nothing waits longer.
---
---In phases: request, job, interface.
---@return number seconds
function ihanoi.request.time_left() end


---How a handler refuses, and answers in parts.
---@class ihanoi.response
ihanoi.response = {}

---What a handler returns to refuse: "return
---ihanoi.response.problem('bench-occupied', { since = at })". The code is one
---of the contract's x-ihanoi-problems or of the gateway's own; members go into
---the problem document (RFC 9457), and retry_after, an integer of seconds, into
---the header Retry-After, too. An error of `ihanoi.db` in its place is what an
---operation served by SQL would answer: the problem that a function has raised
---with SQLSTATE IH001; overloaded, database-unavailable, database-timeout or
---outcome-unknown when the database could not do it; otherwise plugin-failed,
---with a line in the log.
---
---In phases: request.
---@param code string|ihanoi.DbError
---@param members? table
---@return "problem" kind
---@return string code
---@return table? members
function ihanoi.response.problem(code, members) end

---Says the status and the headers of an answer in parts, before its first
---`write()`, which sends them; 200 and none otherwise. For operations with
---x-ihanoi-stream. Headers are those that a handler may return, without ETag
---and Location.
---
---In phases: request.
---@param status integer
---@param headers? table<string, string>
function ihanoi.response.start(status, headers) end

---Sends a part of the answer and waits until the client's socket has taken it:
---as fast as the client reads, until the deadline. The handler then returns
---nothing. What fails after the first part breaks the connection off, so that
---the client sees that the answer is not whole. nil and "too large" beyond the
---plugin's limit for all parts; nil and "closed" when the client is gone and
---the operation says x-ihanoi-abort: finish, otherwise the run ends. One task
---writes at a time.
---
---In phases: request.
---@param text string
---@return true? done
---@return string? err
function ihanoi.response.write(text) end


---The plugin itself, and what its operator gave it.
---@class ihanoi.plugin
ihanoi.plugin = {}

---The plugin's name.
---@return string name
function ihanoi.plugin.name() end

---The version of its manifest.
---@return string version
function ihanoi.plugin.version() end

---The operator's settings as the manifest's schema types them, with its
---defaults: a new table each time.
---@return table settings
function ihanoi.plugin.settings() end

---A secret that the operator granted, byte for byte as in its file but for line
---ends after it. nil and "not granted" for any other name.
---@param name string
---@return string? secret
---@return string? err
function ihanoi.plugin.secret(name) end


---The run of a handler: waiting, and tasks that wait at the same time.
---@class ihanoi.run
ihanoi.run = {}

---Waits so many seconds, fractions count, and lets others go on. The deadline
---ends it too. Raises outside 0 to 86400.
---
---In phases: request, job, interface.
---@param seconds number
function ihanoi.run.sleep(seconds) end

---Begins a task of this run, which calls body with the arguments: it has its
---first turn when the one that runs now waits, and then goes on whenever what
---it waits for is there and the others wait. Memory, processor time and
---deadline are the run's. Tasks that have not ended when the handler returns
---are dropped. nil and "too many tasks" when 8 have not ended, or the run has
---spawned 32.
---
---In phases: request, job, interface.
---@param body fun(...): ...any
---@param ... any
---@return ihanoi.Task? task
---@return string? err
function ihanoi.run.spawn(body, ...) end

---Waits for the end of a task and gives what its function returned, once; nil
---and the error with its file and line when it raised one; nil and "timeout"
---when it has not ended in so many seconds: it goes on, and can be waited for
---again. Raises for a task of another run, one that was waited for already, and
---where tasks would wait for each other.
---
---In phases: request, job, interface.
---@param task ihanoi.Task
---@param seconds? number
---@return any ...
function ihanoi.run.wait(task, seconds) end


---The gateway's error log.
---@class ihanoi.log
ihanoi.log = {}

---Writes into the gateway's error log, with the plugin's name and version;
---nginx adds the request's id, its client and its first line. At most 1024
---bytes; control characters become spaces. Behind the text stands why, when err
---is given: of an error of `ihanoi.db` its SQLSTATE and message, which is left
---out when it may quote values. Of a call's lines the first 100 are written.
---Leave out what is personal.
---@param text string
---@param err? string|ihanoi.DbError
function ihanoi.log.error(text, err) end

---The same, at level warn.
---@param text string
---@param err? string|ihanoi.DbError
function ihanoi.log.warn(text, err) end

---The same, at level info.
---@param text string
---@param err? string|ihanoi.DbError
function ihanoi.log.info(text, err) end


---HTTP to the backends that the manifest asks for and the operator has named.
---@class ihanoi.backend
ihanoi.backend = {}

---Asks a backend of the manifest's permissions and waits for the whole answer.
---Options: method (GET when left out; HEAD, POST, PUT, PATCH, DELETE); path, a
---text as in a URL that begins with "/", or a list of segments that are encoded
---here, { "spots", id }; query, a table of texts, numbers, booleans and lists
---of them, sent in the order of their names; headers, a table; json, a value,
---or body, a text; timeout in seconds; max_size of the answer's body in bytes,
---at most 16777216, 1048576 when left out. The deadline of the run ends it too,
---and the run with it.
---
---The response has status, headers (names in lower case, those that came twice
---joined by ", "), body (a text) and `json()`, which gives the body's value, or
---nil and why it is not JSON. Any status is a response, redirects are not
---followed. nil and "refused" (no backend has got the request: it may be
---repeated), "timeout", "too large" (more than max_size, or than the plugin's
---memory), "aborted" (the answer broke off), "bad gateway" (there was none, or
---not HTTP), "not found" (the operator's location is not there), "too many
---calls" (32 a run, refused ones count), "bad path" (with "..", empty segments,
---encoded slashes, control characters), "bad query", "bad header".
---
---Nothing of the client's request goes along: no token, no cookie, no header.
---X-Request-Id is the request's number in all logs. Raises for a backend that
---is not granted and for headers that belong to the connection.
---
---In phases: request, job, interface.
---@param name string
---@param options? ihanoi.BackendRequest
---@return ihanoi.BackendResponse? response
---@return string? err
function ihanoi.backend.request(name, options) end

---`request()` with the method GET and the path before the options.
---
---In phases: request, job, interface.
---@param name string
---@param path? string|(string|number)[]
---@param options? ihanoi.BackendRequest
---@return ihanoi.BackendResponse? response
---@return string? err
function ihanoi.backend.get(name, path, options) end

---`request()` with the method POST and the path before the options.
---
---In phases: request, job, interface.
---@param name string
---@param path? string|(string|number)[]
---@param options? ihanoi.BackendRequest
---@return ihanoi.BackendResponse? response
---@return string? err
function ihanoi.backend.post(name, path, options) end

---Several at once: a list of at most 8 { name, options } as for `request()`.
---Waits for all and gives a list in the same order of responses; in the place
---of one that failed there is a table with err alone.
---
---In phases: request, job, interface.
---@param requests table
---@return table responses
function ihanoi.backend.all(requests) end


---Functions of other plugins, and for them. A function that is offered gets the
---argument and returns a result, or nil and a text that says why there is none.
---@class ihanoi.interface
ihanoi.interface = {}

---Calls a function of another plugin's interface, which the manifest uses and
---the operator has granted, and waits for what it returns. Argument and result
---are what `ihanoi.json.encode()` takes, copies, of at most 262144 bytes of
---JSON. The other plugin sees the same caller of the same request; its own
---limits hold, and this call's deadline. When it returns nil and a text, that
---is what is returned here; of an error of `ihanoi.db` it is the code.
---Otherwise nil and "failed" (it raised an error or returned what it may not),
---"limit" (killed for memory or processor time), "timeout", "busy" (too many of
---its calls, or it is being loaded), "unavailable" (its circuit is open, or it
---does not load), "too large", "too deep" (plugins that call plugins: four at
---most). Raises for an interface or a function that the manifest does not use,
---and an argument that cannot be encoded.
---
---In phases: request, job, interface.
---@param plugin string
---@param interface string
---@param name string
---@param argument? any
---@return any result
---@return string? err
function ihanoi.interface.call(plugin, interface, name, argument) end

---The name of the plugin that calls this function. Only the gateway says it.
---
---In phases: interface.
---@return string plugin
function ihanoi.interface.caller() end


---The plugins of the gateway as everybody may see them: what their manifests
---say, and how they are doing.
---@class ihanoi.services
ihanoi.services = {}

---All of them in the order of the operator's configuration, this plugin too.
---The version is the one that stands, not a candidate beside it.
---
---In phases: request, job, interface.
---@return ihanoi.Service[] services
function ihanoi.services.list() end

---The one of that name, or nil.
---
---In phases: request, job, interface.
---@param name string
---@return ihanoi.Service? service
function ihanoi.services.find(name) end


---The plugin's own database role and schema. A statement is bounded by the
---request's deadline and by the timeout of its pool.
---@class ihanoi.db
ihanoi.db = {}

---Runs one statement with values for $1, $2, ... and returns its rows, each a
---table by column names. Numbers, booleans and strings are sent as they are,
---tables as JSON (a list is no array of PostgreSQL's: = any (select
---jsonb_array_elements_text($1))), nil and `ihanoi.json.null` as null. int2,
---int4 and floats come as numbers; int8 and numeric too when no digit is lost,
---else as strings; json and jsonb decoded; null is absent; all else is text as
---PostgreSQL writes it: a timestamptz is a date-time of a contract after
---`to_json()`. In a GET the transaction is read-only. err has code, message
---and, from the server, sqlstate; what a function raises with SQLSTATE IH001
---has its problem's code and members. Other codes: sql, busy, down, timeout and
---unknown (a write may have happened), too-large, value, transaction.
---
---In phases: request, job, interface.
---@param sql string
---@param values? any[]
---@return table[]? rows
---@return ihanoi.DbError? err
function ihanoi.db.query(sql, values) end

---Calls a function of the plugin's SQL by argument names; absent ones have
---their defaults. Values and rows as of `query()`.
---
---In phases: request, job, interface.
---@param name string
---@param arguments? table<string, any>
---@return table[]? rows
---@return ihanoi.DbError? err
function ihanoi.db.call(name, arguments) end

---As `query()`, or as `call()` when the text is a name: the first row, nil when
---there is none.
---
---In phases: request, job, interface.
---@param sql_or_name string
---@param values? table
---@return table? row
---@return ihanoi.DbError? err
function ihanoi.db.one(sql_or_name, values) end

---As `one()`, of a statement with one column: its value in the first row. nil
---when there is no row or it is null; err tells failure from that.
---
---In phases: request, job, interface.
---@param sql_or_name string
---@param values? table
---@return any value
---@return ihanoi.DbError? err
function ihanoi.db.value(sql_or_name, values) end

---As `one()`, of a statement with one column of type json or jsonb: its text as
---`ihanoi.json.raw()`, which goes into an answer without being parsed. nil when
---there is no row or it is null.
---
---In phases: request, job, interface.
---@param sql_or_name string
---@param values? table
---@return ihanoi.Raw? document
---@return ihanoi.DbError? err
function ihanoi.db.json(sql_or_name, values) end

---As `query()`, and returns how many rows an insert, update or delete touched.
---
---In phases: request, job, interface.
---@param sql string
---@param values? any[]
---@return integer? count
---@return ihanoi.DbError? err
function ihanoi.db.execute(sql, values) end

---Calls body in a transaction, in which all statements of this task go until it
---returns, then commits and returns what body returned, true when that was
---nothing. It is rolled back when body raises an error, which goes on, when it
---returns nil or false and an error, and when the run is killed, abandoned or
---out of time. nil and an error when the commit failed. They cannot be nested;
---up to 100 savepoints that were not released can be used, with more it is
---rolled back. A coroutine that yields in body goes on with it in the same task
---only: a statement raises an error in another one. Other runs wait for the
---connection: be quick, and wait for nothing else.
---
---In phases: request, job, interface.
---@param body fun(): ...any
---@return any result
---@return any err
function ihanoi.db.transaction(body) end


---What has happened, for other plugins and for the city. Events of others come
---to functions that the manifest names.
---@class ihanoi.events
ihanoi.events = {}

---Tells those who have subscribed: event is one of the manifest's
---events.publishes, key the UUID of what it is about, within which events keep
---their order, payload at most 65536 bytes of JSON without personal data. It is
---there for good when this returns, whatever becomes of the call; a transaction
---of `ihanoi.db` that should decide calls the SQL function
---ihanoi_host.publish(event, key, payload) instead. nil and "key" (no UUID),
---"too-large", "value" (what jsonb cannot hold), "busy", "unavailable" or
---"unknown": then it may be there or not. Raises for an event that the manifest
---does not have.
---
---In phases: request, job, interface.
---@param event string
---@param key string
---@param payload? table
---@return integer? id
---@return string? err
function ihanoi.events.publish(event, key, payload) end


---Series of the plugin's own in /metrics, as its manifest declares them under
---metrics: plugin_NAME_METRIC with the label plugin.
---@class ihanoi.metric
ihanoi.metric = {}

---Adds to a counter, 1 when n is not given. labels has a value for each label
---that the manifest declares; one that is not among the declared values counts
---as "other". Raises for a metric or a label that is not declared, and for what
---is not a whole number of 0 to 2^53.
---
---In phases: request, job, interface.
---@param name string
---@param n? integer
---@param labels? table<string, string|number>
function ihanoi.metric.add(name, n, labels) end

---Sets a gauge, for all workers: the last one who sets it is right. It is shown
---once it was set and stays until a restart. A number between -2^53 and 2^53.
---
---In phases: request, job, interface.
---@param name string
---@param value number
---@param labels? table<string, string|number>
function ihanoi.metric.set(name, value, labels) end

---Puts a time into a histogram, whose buckets go from 0.1 ms to 10 s. 0 to
---1000000 seconds.
---
---In phases: request, job, interface.
---@param name string
---@param seconds number
---@param labels? table<string, string|number>
function ihanoi.metric.observe(name, seconds, labels) end


---JSON, read and written strictly. `ihanoi.json.null` stands for null: nil is a
---member that is not there.
---@class ihanoi.json
---@field null ihanoi.Null null in JSON: encode() writes it, decode() gives it
ihanoi.json = {}

---The value as JSON text. A table with indexes 1 .. n is an array, one with
---names an object, an empty one {} unless `array()` marked it; nil is null.
---Metatables are not asked. Integers up to 2^53 are written without point and
---exponent, other numbers so that they read back the same and are no integers;
---the order of members is not defined. nil and the place, such as "$.items\[3]
---is a function", when there is something that JSON has not: a function, nan, a
---table with holes or with names and indexes, text that is not UTF-8, more than
---32 levels.
---@param value any
---@return string? text
---@return string? err
function ihanoi.json.encode(value) end

---The value of a JSON text. null is `ihanoi.json.null`, arrays are marked as
---such, so that an empty one stays one. nil and the reason, with the byte where
---it stands, when the text is not JSON (RFC 8259), has a member twice in one
---object, the character NUL, half of a surrogate pair, an integer beyond 2^53,
---a number beyond a double's range or of more than 64 characters, or more than
---32 levels.
---@param text string
---@return any value
---@return string? err
function ihanoi.json.decode(text) end

---Marks a table as an array, a new one when none is given, and returns it:
---`encode()` writes \[] when it is empty and refuses names in it.
---`getmetatable()` of a marked table is "array". Raises when the table has a
---metatable of its own.
---@param list? table
---@return table list
function ihanoi.json.array(list) end

---A value that `encode()` writes as the JSON text it was given, byte by byte:
---numbers of any size pass, nothing is read. `tostring()` gives the text back.
---nil and the reason when the text is not JSON; members that stand twice are
---not looked for.
---@param text string
---@return ihanoi.Raw? value
---@return string? err
function ihanoi.json.raw(text) end


---Keys and values that all worker processes of this machine share, each plugin
---its own, as large as the operator granted. When it is full, what has expired
---goes first, then what was not used for longest. It is empty after a restart,
---after its size was changed, and after a worker process died within a change:
---for what can be made again, not for what must not be lost. Raises when the
---manifest asks for none: limits.store.
---@class ihanoi.store
ihanoi.store = {}

---The value of a key and its version; nil when the key is not there or has
---expired. Tables come back as `ihanoi.json.decode()` makes them, a copy each
---time; what `ihanoi.json.raw()` made comes back as such, and is not read.
---Raises when a raw part of a table holds what `decode()` refuses.
---
---In phases: request, job, interface.
---@param key string
---@return any value
---@return number? version
function ihanoi.store.get(key) end

---Sets a key of 1 to 250 bytes, whether it is there or not, and returns its new
---version. A value is a string, a number, a boolean, or what
---`ihanoi.json.encode()` takes; with its encoding it may have 65536 bytes.
---expires: seconds from now, fractions count; without it the key stays until it
---is deleted or evicted. nil and the reason when the value is too long or
---cannot be encoded.
---
---In phases: request, job, interface.
---@param key string
---@param value any
---@param options? { expires?: number }
---@return number? version
---@return string? err
function ihanoi.store.set(key, value, options) end

---As `set()`, but nil and "exists" when the key is there: of several that add
---at the same time one succeeds.
---
---In phases: request, job, interface.
---@param key string
---@param value any
---@param options? { expires?: number }
---@return number? version
---@return string? err
function ihanoi.store.add(key, value, options) end

---As `set()`, but only while the key has this version, which `get()` and the
---functions that change it return: nil and "changed" when somebody was faster,
---nil and "not found" when it is not there. Versions are never used again, so a
---key that was deleted and made anew has changed.
---
---In phases: request, job, interface.
---@param key string
---@param version number
---@param value any
---@param options? { expires?: number }
---@return number? version
---@return string? err
function ihanoi.store.compare_and_set(key, version, value, options) end

---Deletes a key, with a version only while it has this one. nil and "not found"
---or "changed".
---
---In phases: request, job, interface.
---@param key string
---@param version? number
---@return true? done
---@return string? err
function ihanoi.store.delete(key, version) end

---Adds to a number, 1 when by is not given, and returns the sum: no increment
---of others is lost. When the key is not there it begins as first and expires
---as said; without first nil and "not found". A key that is there keeps its
---time to expire. nil and "not a number", or "out of range" when the sum is
---infinite.
---
---In phases: request, job, interface.
---@param key string
---@param by? number
---@param options? { first?: number, expires?: number }
---@return number? value
---@return string? err
function ihanoi.store.increment(key, by, options) end


---Locks among all calls of the plugin on this machine, kept in its store and
---lost with it; gateways on other machines do not see them. They save doing
---work twice; what must never happen twice is for the database to prevent. A
---call that ends, however it ends, does not release its locks.
---@class ihanoi.lock
ihanoi.lock = {}

---Takes the lock of a name of 1 to 250 bytes, for at most so many seconds (up
---to 3600), and does not wait: nil and "held" when another has it, nil and
---"full" when locks already take a fourth of the store. Choose the seconds
---longer than the call may take: a lock that expires under its holder protects
---nothing.
---
---In phases: request, job, interface.
---@param name string
---@param seconds number
---@return number? token
---@return string? err
function ihanoi.lock.acquire(name, seconds) end

---Gives a lock back. nil and "not held" when it has expired meanwhile, whether
---or not another has it now: what was done under it may have been done twice.
---
---In phases: request, job, interface.
---@param name string
---@param token number
---@return true? done
---@return string? err
function ihanoi.lock.release(name, token) end


---Values that are computed once and kept for a time, in the plugin's store and
---as `ihanoi.store` keeps them: evicted when it is full, gone after a restart.
---Raises when the manifest asks for no store: limits.store.
---@class ihanoi.cache
ihanoi.cache = {}

---The value that is kept for a key of 1 to 248 bytes; or what compute returns,
---which is then kept for so many seconds. While one call computes, the others
---that want the key wait for it, in all workers of this machine, each until its
---own deadline; when it is killed or raises an error, one of them computes.
---When compute returns nil and an error, those of its worker that wait have it
---too, and it is forgotten, or kept for options.errors seconds. A value that
---the store cannot keep is returned with the reason as a second result. Raises
---where compute, while it runs, asks for its own key.
---
---In phases: request, job, interface.
---@param key string
---@param seconds number
---@param compute fun(key: string): any, any
---@param options? { errors?: number }
---@return any value
---@return any err
function ihanoi.cache.get(key, seconds, compute, options) end

---Forgets what is kept for a key. What is being computed is kept when it is
---there.
---
---In phases: request, job, interface.
---@param key string
function ihanoi.cache.delete(key) end


---Digests, HMAC, random bytes, and the texts that bytes travel as.
---@class ihanoi.crypto
ihanoi.crypto = {}

---The SHA-256 digest of a text (FIPS 180-4), in lower-case hex, or as form
---says: bytes, base64 with padding, base64url without. Raises when the text has
---more than 4 MiB.
---@param text string
---@param form? "hex"|"raw"|"base64"|"base64url"
---@return string digest
function ihanoi.crypto.sha256(text, form) end

---The SHA-384 digest of a text (FIPS 180-4), in lower-case hex, or as form
---says: bytes, base64 with padding, base64url without. Raises when the text has
---more than 4 MiB.
---@param text string
---@param form? "hex"|"raw"|"base64"|"base64url"
---@return string digest
function ihanoi.crypto.sha384(text, form) end

---The SHA-512 digest of a text (FIPS 180-4), in lower-case hex, or as form
---says: bytes, base64 with padding, base64url without. Raises when the text has
---more than 4 MiB.
---@param text string
---@param form? "hex"|"raw"|"base64"|"base64url"
---@return string digest
function ihanoi.crypto.sha512(text, form) end

---The HMAC of a text with a secret key (RFC 2104), in lower-case hex, or as
---form says: bytes, base64 with padding, base64url without. Raises when the
---text has more than 4 MiB. Compare it with `equal()`, never with ==.
---@param alg "sha256"|"sha384"|"sha512"
---@param key string
---@param text string
---@param form? "hex"|"raw"|"base64"|"base64url"
---@return string mac
function ihanoi.crypto.hmac(alg, key, text, form) end

---Whether two texts are the same; the time it takes tells only their lengths.
---Raises when one has more than 4 MiB.
---@param a string
---@param b string
---@return boolean same
function ihanoi.crypto.equal(a, b) end

---n random bytes, 1 to 1024, that nobody can foresee: for keys, codes and
---tokens. `math.random()` is not for these. As bytes, or in another form.
---@param n integer
---@param form? "raw"|"hex"|"base64"|"base64url"
---@return string bytes
function ihanoi.crypto.random(n, form) end

---Base64 with padding (RFC 4648, 4), in one line. Raises above 4 MiB.
---@param bytes string
---@return string text
function ihanoi.crypto.base64_encode(bytes) end

---The bytes of a base64 text with padding; nil and a reason when it is not
---exactly what `base64_encode()` writes: line breaks, missing padding and bits
---that say nothing are refused. Raises above 4 MiB.
---@param text string
---@return string? bytes
---@return string? err
function ihanoi.crypto.base64_decode(text) end

---Base64url without padding (RFC 4648, 5), for URLs and tokens. Raises above 4
---MiB.
---@param bytes string
---@return string text
function ihanoi.crypto.base64url_encode(bytes) end

---The bytes of a base64url text without padding; nil and a reason when it is
---not exactly what `base64url_encode()` writes. Raises above 4 MiB.
---@param text string
---@return string? bytes
---@return string? err
function ihanoi.crypto.base64url_decode(text) end

---Two lower-case digits a byte. Raises above 4 MiB.
---@param bytes string
---@return string text
function ihanoi.crypto.hex_encode(bytes) end

---The bytes of hex digits, in upper or lower case; nil and a reason when there
---are others or their number is odd. Raises above 4 MiB.
---@param text string
---@return string? bytes
---@return string? err
function ihanoi.crypto.hex_decode(text) end


---Tokens for other services, and from them. Callers of this gateway are
---identified before a plugin runs: their tokens are not its business.
---@class ihanoi.jwt
ihanoi.jwt = {}

---A signed token (RFC 7519) with these claims. alg is HS256, RS256, PS256,
---ES256 (also 384, 512) or EdDSA; key is the secret, of no less bytes than the
---digest has, or a private key in PEM without a passphrase, RSA of 2048 to 4096
---bits. expires, in seconds, 300 when absent, at most 366 days, sets "iat" and
---"exp", so the claims have neither. kid and type ("JWT") go to the header. nil
---and a reason when the key does not fit, when there is something in the claims
---that JSON has not, or when they are more than 4096 bytes.
---
---In phases: request, job, interface.
---@param claims table
---@param key string
---@param options { alg: string, kid?: string, expires?: number, type?: string }
---@return string? token
---@return string? err
function ihanoi.jwt.sign(claims, key, options) end

---The claims of a token that is good. alg is the only algorithm that is
---accepted, whatever the token says; key is the secret, a public key in PEM, or
---the JSON text of a set of keys (RFC 7517), from which "kid" chooses. The
---token needs "sub" and "exp"; "exp", "nbf" and "iat" are held against the
---clock, with leeway seconds (0, at most 300); "aud", "iss" and the header's
---"typ" against audience, issuer and type where they are given. Read as
---strictly as tokens of callers are. nil and a reason otherwise.
---
---In phases: request, job, interface.
---@param token string
---@param key string
---@param options { alg: string, audience?: string, issuer?: string, type?: string, leeway?: number }
---@return table? claims
---@return string? err
function ihanoi.jwt.verify(token, key, options) end


---Instants are numbers of seconds since 1970 in UTC; days are texts such as
---"2026-11-24". Where a day begins is decided in Hà Nội: +07:00 all year round,
---also for times before 13 June 1975, when clocks there showed something else.
---@class ihanoi.time
ihanoi.time = {}

---Seconds since 1970-01-01 00:00 UTC, with a fraction.
---@return number seconds
function ihanoi.time.now() end

---The date in Hà Nội, "2026-11-24".
---@return string date
function ihanoi.time.today() end

---Seconds since 1970 of a time with an offset as in RFC 3339,
---"2026-11-24T18:00:00.5+07:00", of the years 1000 to 9998 in UTC and with at
---most 9 digits after the point; or of a date, "2026-11-24": when it begins in
---Hà Nội. nil and a reason for anything else, such as 30 February, a second 60,
---or a time without an offset.
---@param text string
---@return number? seconds
---@return string? err
function ihanoi.time.parse(text) end

---Seconds since 1970 as a text in Hà Nội: "2026-11-24T18:00:00+07:00", its date
---"2026-11-24" or its time "18:00:00". Fractions of a second are left out.
---Raises outside the years 1 to 9999.
---@param seconds number
---@param form? "rfc3339"|"date"|"time"
---@return string text
function ihanoi.time.format(seconds, form) end

---The day of the week of a date "2026-11-24": 1 is Monday, 7 is Sunday (ISO
---8601). nil and a reason when it is not a date.
---@param date string
---@return integer? day
---@return string? err
function ihanoi.time.weekday(date) end

---The date n days later, or earlier when n is negative. nil and a reason when
---it is not a date, or leaves the years 1 to 9999.
---@param date string
---@param n integer
---@return string? date
---@return string? err
function ihanoi.time.add_days(date, n) end

---The number of days from one date to another: 1 for tomorrow, negative when
---the second is earlier. nil and a reason when one is not a date.
---@param from string
---@param to string
---@return integer? days
---@return string? err
function ihanoi.time.between(from, to) end


---Amounts of đồng: integers up to 2^53 (nine million billion), exact.
---@class ihanoi.money
ihanoi.money = {}

---An amount as people write it: "1250000", "1.250.000", "1.250.000 ₫",
---"-5.000đ", "1.250.000 VND", "1.250.000 đồng". Points stand between groups of
---three digits, all of them or none. nil and a reason for anything else, commas
---included: they may mean two things.
---@param text string
---@return integer? amount
---@return string? err
function ihanoi.money.parse(text) end

---An amount as "1.250.000 ₫". Raises when it is not an integer of at most 2^53.
---@param amount integer
---@return string text
function ihanoi.money.format(amount) end

---The sum of all amounts. Raises when one of them, or the sum, is not an
---integer of at most 2^53.
---@param amount integer
---@param ... integer
---@return integer sum
function ihanoi.money.add(amount, ...) end

---a less b. Raises when one of them, or the difference, is not an integer of at
---most 2^53.
---@param a integer
---@param b integer
---@return integer difference
function ihanoi.money.sub(a, b) end

---An amount taken some times. Raises when one of them, or the product, is not
---an integer of at most 2^53. For parts of an amount there is `share()`.
---@param amount integer
---@param times integer
---@return integer product
function ihanoi.money.mul(amount, times) end

---Splits an amount by weights so that not a đồng is lost: each part is total \*
---weight / sum of weights, rounded down, and what is left goes, one đồng each,
---to the parts that lost most by it, the first ones among equals. share(100000,
---{1, 1, 1}) is {33334, 33333, 33333}. Raises unless there are 1 to 1000
---weights, integers from 0 to 2^53, not all of them 0.
---@param total integer
---@param weights integer[]
---@return integer[] parts
function ihanoi.money.share(total, weights) end


---Names that nobody else gives (RFC 9562).
---@class ihanoi.uuid
ihanoi.uuid = {}

---A random UUID, in lower case: 122 bits that nobody can foresee.
---@return string uuid
function ihanoi.uuid.v4() end

---A UUID that begins with the time in milliseconds: those of one worker sort in
---the order they were made, which indexes of a database like. It tells
---everybody when it was made.
---@return string uuid
function ihanoi.uuid.v7() end

---Whether a text is a UUID, of any version, in lower or upper case.
---@param text string
---@return boolean valid
function ihanoi.uuid.valid(text) end


---Vietnamese in UTF-8, by characters: `string.lower()`, # and `string.sub()`
---know bytes only.
---@class ihanoi.text
ihanoi.text = {}

---Whether the bytes are UTF-8 (RFC 3629).
---@param text string
---@return boolean valid
function ihanoi.text.valid(text) end

---The number of characters (Unicode code points): 6 of "Hà Nội" as `nfc()` has
---it. nil and a reason when the text is not UTF-8.
---@param text string
---@return integer? n
---@return string? err
function ihanoi.text.length(text) end

---The first n characters of a text, or all of it; a letter is not cut off from
---marks that follow it, both are left out then. nil and a reason when the text
---is not UTF-8.
---@param text string
---@param n integer
---@return string? text
---@return string? err
function ihanoi.text.truncate(text, n) end

---In lower case, all letters of Unicode that have one: "đường" of "ĐƯỜNG". nil
---and a reason when the text is not UTF-8.
---@param text string
---@return string? text
---@return string? err
function ihanoi.text.lower(text) end

---In upper case, character by character. nil and a reason when the text is not
---UTF-8.
---@param text string
---@return string? text
---@return string? err
function ihanoi.text.upper(text) end

---The composed form (Unicode Normalization Form C): "ệ" is one character,
---however it was typed. For texts that are compared or stored. nil and a reason
---when the text is not UTF-8 or has more than 8192 bytes without a place where
---a character surely begins, which no text of words has.
---@param text string
---@return string? text
---@return string? err
function ihanoi.text.nfc(text) end

---Without the marks of Latin letters, and with d for đ: "Duong Lang" of "Đường
---Láng". For searching; other scripts stay as they are, in `nfc()`. nil and a
---reason as there.
---@param text string
---@return string? text
---@return string? err
function ihanoi.text.unaccent(text) end
