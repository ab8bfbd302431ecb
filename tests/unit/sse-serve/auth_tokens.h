/*
 * Tokens, their claims being what their names say; all but OTHER_KEY are signed
 * with SECRET.
 */
#define SECRET "0123456789abcdef0123456789abcdef"

#define FULL                                                           \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwiZ3JvdXB" \
	"zIjpbInN0YWZmIiwiZXUiXSwibGFiZWxzIjp7InJlZ2lvbiI6ImV1Iiwicm9" \
	"sZSI6WyJhIiwiYiJdfSwic3NlLnJlYWQiOlsibmV3cyIsImNsaWVudDoqIl0" \
	"sInNzZSI6eyJ3cml0ZSI6ImxvZy4_In0sInNzZS5yb3V0aW5nIjp0cnVlLCJ" \
	"leHAiOjIwMDAsIm5iZiI6MTAwMH0.exxQqhkzNvCGeJnASSKbVHmq1ZzsIcC" \
	"7eWmmqIfH48M"

#define NONE "eyJhbGciOiJub25lIn0.eyJzdWIiOiI3In0."

#define NONE_SIGNED                                                    \
	"eyJhbGciOiJub25lIn0.eyJzdWIiOiI3In0.pbhTH1eb-wkL13dIbP_hSp5C" \
	"pKX6QZTe0lfty0TZ1VI"

#define HS512                                                          \
	"eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3In0.YXQ423P" \
	"gpJrmNizP_MInmmSvkTAOd1xAvrYKHRS8cdE"

#define CRIT                                                           \
	"eyJhbGciOiJIUzI1NiIsImNyaXQiOlsieCJdLCJ4IjoxfQ.eyJzdWIiOiI3I" \
	"n0.eFQHgryW1jy1Ve_tycYkOsE7XZ9uwT51siirenNBuFc"

#define OTHER_KEY                                                      \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3In0.05kb3sF" \
	"zVF7LExc_Tzz5MyVZHyPGDue-fKKDaVZmxe8"

#define SUB_ONLY                                                       \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3In0.Upi2r-B" \
	"rjBso9w1lxexVHqT0LCsGSvEw42_8hSvfEdg"

#define SUB_SPACE                                                      \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIGIifQ.d_G7" \
	"eBHhNZyJbT3W86ZRwn82KC7SGQqgzn3DXLj_Xzc"

#define SUB_NUMBER                                                     \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOjd9.xaRP_LzG-6" \
	"566MMQzo0JjeXeokymtIewt_oxoN8d7pQ"

#define SUB_EMPTY                                                      \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIifQ.oBj8VMAP" \
	"xsswDwq1oQ9gCiB3WSeJr20MSqnUTsj0Jqo"

#define NO_SUB                                                         \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzc2Uud3JpdGUiOlsiKiJ" \
	"dfQ.r-tZowqlEpFZbdjt3ivkfynZrNVaWHyQ4eIA5UJyjUo"

#define GROUPS_BAD                                                     \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwiZ3JvdXB" \
	"zIjpbMV19.n1LMnmxlioWUrLV9lRItFstfKFNGG26SVCCOneyhuVo"

#define GROUP_STAR                                                     \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwiZ3JvdXB" \
	"zIjpbIioiXX0.6pZlYSkkRiEy1j_XarGTUQHOCvlQaJbfhGpejG_emEk"

#define GROUPS_65                                                      \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwiZ3JvdXB" \
	"zIjpbImcwIiwiZzEiLCJnMiIsImczIiwiZzQiLCJnNSIsImc2IiwiZzciLCJ" \
	"nOCIsImc5IiwiZzEwIiwiZzExIiwiZzEyIiwiZzEzIiwiZzE0IiwiZzE1Iiw" \
	"iZzE2IiwiZzE3IiwiZzE4IiwiZzE5IiwiZzIwIiwiZzIxIiwiZzIyIiwiZzI" \
	"zIiwiZzI0IiwiZzI1IiwiZzI2IiwiZzI3IiwiZzI4IiwiZzI5IiwiZzMwIiw" \
	"iZzMxIiwiZzMyIiwiZzMzIiwiZzM0IiwiZzM1IiwiZzM2IiwiZzM3IiwiZzM" \
	"4IiwiZzM5IiwiZzQwIiwiZzQxIiwiZzQyIiwiZzQzIiwiZzQ0IiwiZzQ1Iiw" \
	"iZzQ2IiwiZzQ3IiwiZzQ4IiwiZzQ5IiwiZzUwIiwiZzUxIiwiZzUyIiwiZzU" \
	"zIiwiZzU0IiwiZzU1IiwiZzU2IiwiZzU3IiwiZzU4IiwiZzU5IiwiZzYwIiw" \
	"iZzYxIiwiZzYyIiwiZzYzIiwiZzY0Il19.jd2jWORi_3M0AT03UIUEZuagMC" \
	"F2A1ni5pDnq99ni00"

#define LABELS_LIST                                                    \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwibGFiZWx" \
	"zIjpbImE9YiIsImM9ZD1lIl19.OuL1mmgMIat0A0SL83uXAZ7wntlZCDfv3i" \
	"lsjVN2wrU"

#define LABEL_SPACE                                                    \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwibGFiZWx" \
	"zIjp7ImEiOiJiIGMifX0.D0hsqKZSUIyfWhxIqDJQVCCbs9AzNg61iHAqgSA" \
	"2z7I"

#define READ_NOTHING                                                   \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3Iiwic3NlLnJ" \
	"lYWQiOltdfQ.BJez7hS4E2W2tl3PJSs9SmIFlco5t0JlRLo9YzqGqnc"

#define EXP_TEXT                                                       \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3IiwiZXhwIjo" \
	"iMjAwMCJ9.bbIcBy2odmtJv5akqVlEv4nHFAsohtMyDkoBfouFVQ0"

#define ARRAY                                                          \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.WzFd.eUqK182P5IfBOE82cB" \
	"qE-NjwumkR5AT4cckCf1VjXkg"
