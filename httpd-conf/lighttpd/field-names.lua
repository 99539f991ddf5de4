-- Drops fields whose name has something else than letters, digits and hyphens, as Apache and nginx do. lighttpd would pass
-- on If_Match and If.Match under the name of If-Match (RFC 9110 §17.10).
local fields = lighty.r.req_header
for name in pairs(fields) do
    if name:find("[^%w-]") then fields[name] = "" end
end
