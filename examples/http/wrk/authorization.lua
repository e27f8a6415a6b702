-- Sends an Authorization header with every request:
--
--	wrk -c 100 -d 10s -s examples/http/wrk/authorization.lua http://127.0.0.1:8080/json
--	wrk ... -s examples/http/wrk/authorization.lua http://127.0.0.1:8080/json -- "$TOKEN"
--
-- What follows the second -- is the token. Without one it is about as long as those
-- that services sign and hand out.

function init(args)
   wrk.headers["Authorization"] = "Bearer " .. (args[1] or ("x"):rep(160))
end
