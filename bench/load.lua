-- wrk's part of a cell: which requests are sent, and which answers are right. Everything comes from the
-- environment (bench/runner/load.py). Prints one line of JSON at the end.
--
-- Messages are those of bench/native: a seed, a dash and a number with zeros before it. Those of the seed
-- "stored" are in the store before; a new message has a seed that no other run had, so it is never known.

local load = os.getenv("BENCH_LOAD")
local size = tonumber(os.getenv("BENCH_SIZE"))
local seed = os.getenv("BENCH_SEED")
local first = tonumber(os.getenv("BENCH_FIRST"))
local stored = tonumber(os.getenv("BENCH_STORED"))
local get_path = os.getenv("BENCH_GET_PATH")
local post_path = os.getenv("BENCH_POST_PATH")
local expected = {}
for status in os.getenv("BENCH_EXPECTED"):gmatch("%d+") do expected[tonumber(status)] = true end

local threads = {}
function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

-- The message is built once but for its last digits.
local function post(message_seed)
  local body_bytes = size + #'{"message":""}'
  local head = "POST " .. post_path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] ..
    "\r\nContent-Type: application/json\r\nContent-Length: " .. body_bytes .. "\r\n\r\n"
  head = head .. '{"message":"' .. message_seed .. "-" .. ("0"):rep(size - #message_seed - 1 - 10)
  return function(index) return head .. ("%010d"):format(index) .. '"}' end
end

-- One request for each digest of the list; the threads begin at different places.
local function reads()
  local requests, host, field = {}, wrk.headers["Host"], ""
  for digest in io.lines(os.getenv("BENCH_DIGESTS")) do
    local tag = digest
    if load == "not-modified" then
      digest, tag = digest:match("(%S+) (%S+)")
      field = "If-None-Match: " .. tag .. "\r\n"
    end
    requests[#requests + 1] = "GET " .. get_path:gsub("{digest}", digest) .. " HTTP/1.1\r\nHost: " .. host .. "\r\n" ..
      field .. "\r\n"
  end
  return requests
end

right, wrong, wrong_status = 0, 0, 0
local next_read, next_index, step

function init()
  step = tonumber(os.getenv("BENCH_THREADS"))
  next_index = first + number - step
  local is_read = load == "get" or load == "get-miss" or load == "not-modified" or load == "empty" or load == "mix"
  local requests = is_read and reads() or {}
  next_read = math.floor(number * #requests / 2)
  local make = not (load == "get" or load == "get-miss" or load == "not-modified" or load == "empty")
    and post((load == "post-known" or load == "fill") and "stored" or seed)
  local function read()
    next_read = next_read % #requests + 1
    return requests[next_read]
  end
  local function write()
    next_index = next_index + step
    return make((load == "post-known" or load == "fill") and next_index % stored or next_index)
  end
  local count = 0
  request = write
  if is_read then request = read end
  if load == "mix" then
    request = function()
      count = count + 1
      return count % 10 == 0 and write() or read()
    end
  end
end

-- Defined only where statuses are checked: handing each answer over costs wrk 5 to 10 µs, more for more fields.
if os.getenv("BENCH_CHECK") == "1" then
  function response(status)
    if expected[status] then
      right = right + 1
    else
      wrong, wrong_status = wrong + 1, status
    end
  end
end

function done(summary, latency)
  local sums = {right = 0, wrong = 0}
  local status = 0
  for _, thread in ipairs(threads) do
    sums.right = sums.right + thread:get("right")
    sums.wrong = sums.wrong + thread:get("wrong")
    status = math.max(status, thread:get("wrong_status"))
  end
  local errors = summary.errors
  io.write(("\n" .. [[{"requests":%d,"seconds":%.6f,"bytes":%d,"right":%d,"wrong":%d,"wrong_status":%d,]] ..
    [["not_2xx":%d,"broken":%d,"timeouts":%d,"us":{"50":%.1f,"90":%.1f,"99":%.1f,"99.9":%.1f,"100":%.1f}}]] .. "\n"):format(
    summary.requests, summary.duration / 1e6, summary.bytes, sums.right, sums.wrong, status, errors.status,
    errors.connect + errors.read + errors.write, errors.timeout, latency:percentile(50), latency:percentile(90),
    latency:percentile(99), latency:percentile(99.9), latency.max))
end
