-- The message service in Lua: Redis holds the messages under their hexadecimal digests.
local cjson = require "cjson.safe"
local ffi = require "ffi"
local redis = require "nginx.redis"
local to_hex = require("nginx.string").to_hex

-- libcrypto is part of nginx's own process: one call, no context.
ffi.cdef [[unsigned char *SHA256(const unsigned char *data, size_t size, unsigned char *digest);]]
local digest_bytes = ffi.new("unsigned char[32]")

local IDLE_MS, POOL_SIZE = 60000, 512

local messages = {}
messages.__index = messages

function messages.new(address)
    return setmetatable({ address = address }, messages)
end

local function finish(status, body)
    ngx.status = status
    ngx.header.content_length = #body
    ngx.print(body)
end

local function fail(status, sentence)
    finish(status, cjson.encode({ err_msg = sentence }))
end

-- Runs one command on a kept connection; nil if Redis cannot be asked.
function messages:command(name, ...)
    local client = redis:new()
    client:set_timeout(10000)
    if not client:connect(self.address, { pool_size = POOL_SIZE }) then
        return nil
    end
    local answer, failure = client[name](client, ...)
    if failure then
        client:close()
        return nil
    end
    client:set_keepalive(IDLE_MS, POOL_SIZE)
    return answer
end

function messages:get(digest)
    local message = self:command("get", digest)
    if message == nil then
        fail(503, "The store does not answer.")
    elseif message == ngx.null then
        fail(404, "Message not found for hash: " .. digest)
    else
        finish(200, cjson.encode({ message = message }))
    end
end

-- The body, which nginx keeps in a file when it is large.
local function read_body()
    ngx.req.read_body()
    local body = ngx.req.get_body_data()
    local name = not body and ngx.req.get_body_file()
    if name then
        local file = assert(io.open(name, "rb"))
        body = file:read("*a")
        file:close()
    end
    return body
end

function messages:post()
    if ngx.req.get_method() ~= "POST" then
        return fail(405, "Only POST is known here.")
    end
    local document = cjson.decode(read_body() or "")
    local message = type(document) == "table" and document.message
    if type(message) ~= "string" then
        return fail(400, 'The body must be a JSON object with a string "message".')
    end
    ffi.C.SHA256(message, #message, digest_bytes)
    local digest = to_hex(ffi.string(digest_bytes, 32))
    local created = self:command("setnx", digest, message)
    if not created then
        return fail(503, "The store does not answer.")
    end
    finish(created == 1 and 201 or 200, '{"digest":"' .. digest .. '"}')
end

return messages
