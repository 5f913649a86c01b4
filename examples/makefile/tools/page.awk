# Turns a note of headings and paragraphs into a page.
BEGIN { print "<!doctype html>\n<meta charset=\"utf-8\">" }
/^## / { print "<h2>" substr($0, 4) "</h2>"; next }
/^# / { print "<title>" substr($0, 3) "</title>\n<h1>" substr($0, 3) "</h1>"; next }
/^$/ { next }
{ print "<p>" $0 "</p>" }
