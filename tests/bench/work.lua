-- What scripts/bench gives the Lua interpreter: tables, strings, closures, methods, coroutines, floats.
-- usage: lua work.lua ROUNDS
local rounds = tonumber(arg[1])

local seed = 42
local function random(n)
	seed = (seed * 1103515245 + 12345) & 0x7fffffff
	return (seed >> 8) % n
end

local function words()
	local count, text = {}, {}
	for i = 1, 2000 do
		text[i] = ("w%03d"):format(random(300))
	end
	local joined = table.concat(text, " ")
	for w in joined:gmatch("%a%d+") do
		count[w] = (count[w] or 0) + 1
	end
	local keys = {}
	for w in pairs(count) do
		keys[#keys + 1] = w
	end
	table.sort(keys, function(a, b)
		if count[a] ~= count[b] then
			return count[a] > count[b]
		end
		return a < b
	end)
	return #keys + count[keys[1]] + #joined:gsub("w(%d)", "%1x"):upper()
end

local Account = {}
Account.__index = Account

function Account.new(balance)
	return setmetatable({ balance = balance, log = {} }, Account)
end

function Account:deposit(v)
	self.balance = self.balance + v
	self.log[#self.log + 1] = v
end

local function objects()
	local all = {}
	for i = 1, 100 do
		all[i] = Account.new(i)
	end
	for _ = 1, 3000 do
		all[random(100) + 1]:deposit(random(50))
	end
	local sum = 0
	for _, a in ipairs(all) do
		sum = sum + a.balance * #a.log
	end
	return sum
end

local function sieve()
	local composite, count = {}, 0
	for i = 2, 5000 do
		if not composite[i] then
			count = count + 1
			for j = i * i, 5000, i do
				composite[j] = true
			end
		end
	end
	return count
end

local function floats()
	local x, y, sum = 0.1, 0.7, 0.0
	for i = 1, 10000 do
		x, y = x * 0.99 + y * 0.01, y - x * 0.5 / i
		sum = sum + (x - y) ^ 2
	end
	return math.floor(sum * 1000)
end

local function generators()
	local function tree(depth)
		if depth > 0 then
			tree(depth - 1)
			coroutine.yield(depth)
			tree(depth - 1)
		end
	end
	local sum = 0
	for v in coroutine.wrap(function() tree(9) end) do
		sum = sum * 3 % 1000003 + v
	end
	return sum
end

local function fib(n)
	return n < 2 and n or fib(n - 1) + fib(n - 2)
end

local sum = 0
for _ = 1, rounds do
	for _, f in ipairs({ words, objects, sieve, floats, generators }) do
		sum = (sum * 31 + f()) % 1000000007
	end
	sum = (sum + fib(18)) % 1000000007
end
print(sum)
