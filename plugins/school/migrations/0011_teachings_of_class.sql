-- Who teaches a class, also of those who do no more: asked for with each student who is read.
create index teachings_of_class on teachings (class);
