-- What scripts/bench gives the sqlite3 shell. @ROWS@ is replaced by a number.
create table person(id integer primary key, name text, city integer, born integer, note text);
create table city(id integer primary key, name text unique, size real);
create table visit(person integer, city integer, day integer, cost integer);

with recursive n(i) as (select 1 union all select i + 1 from n where i < 100)
	insert into city select i, 'city ' || i, (i * 7919 % 1000) / 10.0 from n;
with recursive n(i) as (select 1 union all select i + 1 from n where i < @ROWS@)
	insert into person
	select i, printf('name-%05d', i * 7919 % 100003), i * 31 % 100 + 1, 1920 + i * 17 % 100,
	       hex(i * 2654435761 % 4294967296) || ' says ' || lower(hex(i * 40503 % 65536)) from n;
with recursive n(i) as (select 1 union all select i + 1 from n where i < @ROWS@ * 3)
	insert into visit select i * 7 % @ROWS@ + 1, i * 13 % 100 + 1, i % 365, i * 101 % 997 from n;

create index person_city on person(city, born);
create index visit_person on visit(person);
create index person_name on person(name);

begin;
update person set note = replace(note, 'says', 'said') where born % 3 = 0;
delete from visit where cost < 20;
update city set size = size * 1.1 where name like 'city 1%';
commit;

select count(*), sum(cost), min(day), max(day) from visit;
select c.name, count(*), sum(v.cost) from visit v join person p on p.id = v.person join city c on c.id = p.city
	where p.born between 1950 and 1980 group by c.id order by 3 desc, 1 limit 10;
select born / 10 * 10 as decade, count(distinct city), avg(length(note)) from person group by decade order by decade;
select count(*) from person where note like '%AB%sa%' or note glob '*[0-9]F says*';
select p.name, (select sum(cost) from visit v where v.person = p.id) as total
	from person p where p.name between 'name-04' and 'name-05' order by total desc, p.name limit 5;
select city, born, rank() over (partition by city order by born, id) as r from person order by r desc, city limit 5;
with recursive step(n, x) as (select 1, 27 union all
	select n + 1, case when x % 2 then x * 3 + 1 else x / 2 end from step where x > 1)
	select max(n), max(x) from step;
select substr(group_concat(substr(name, -3), ''), 1, 60) from (select name from person order by name limit 1000);
pragma integrity_check;
