// Proleptic Gregorian arithmetic after Howard Hinnant's "chrono-compatible low-level date
// algorithms".

#include "base/timefmt.h"

struct civil {
    int64_t year;
    int month, day;
    int hour, minute, second, ms;
    int weekday; // 0 = Sunday
};

static int64_t days_from_civil(int64_t y, int m, int d)
{
    int64_t era;
    int64_t yoe;
    int64_t doy;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = y - era * 400;
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static struct civil civil_from(time_ms t)
{
    int64_t days = t >= 0 ? t / TIME_DAY_MS : -((TIME_DAY_MS - 1 - t) / TIME_DAY_MS);
    int64_t rest = t - days * TIME_DAY_MS;
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);

    return (struct civil){
        .year = yoe + era * 400 + (month <= 2),
        .month = month,
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (int)(rest / TIME_HOUR_MS),
        .minute = (int)(rest / TIME_MINUTE_MS % 60),
        .second = (int)(rest / 1000 % 60),
        .ms = (int)(rest % 1000),
        .weekday = (int)(((days % 7) + 11) % 7), // the epoch was a Thursday
    };
}

// The last n digits of `value`, before `end`.
static void put_digits(char *end, int64_t value, int n)
{
    for (; n > 0; n--, value /= 10)
        *--end = (char)('0' + value % 10);
}

// Every event has several of these, so this is done without printf.
struct str time_iso8601_in(char room[TIME_ISO8601_MAX], time_ms t)
{
    static const char rest[] = "-00-00T00:00:00.000Z";
    char digits[STR_DIGITS_MAX];
    struct civil c = civil_from(t);
    struct str year = str_digits(digits, c.year);
    char *at = room + (c.year >= 0 && year.len < 4 ? 4 : year.len);

    if (c.year >= 0 && year.len < 4)
        put_digits(at, c.year, 4);
    else
        memcpy(room, year.ptr, year.len);
    memcpy(at, rest, sizeof rest - 1);
    put_digits(at + 3, c.month, 2);
    put_digits(at + 6, c.day, 2);
    put_digits(at + 9, c.hour, 2);
    put_digits(at + 12, c.minute, 2);
    put_digits(at + 15, c.second, 2);
    put_digits(at + 19, c.ms, 3);
    return str_span(room, (size_t)(at - room) + sizeof rest - 1);
}

struct str time_iso8601(struct arena *arena, time_ms t)
{
    char room[TIME_ISO8601_MAX];

    return str_copy(arena, time_iso8601_in(room, t));
}

struct str time_amz(struct arena *arena, time_ms t)
{
    struct civil c = civil_from(t);

    return str_fmt(arena, "%04lld%02d%02dT%02d%02d%02dZ", (long long)c.year, c.month, c.day, c.hour,
                   c.minute, c.second);
}

struct str time_http(struct arena *arena, time_ms t)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil c = civil_from(t);

    return str_fmt(arena, "%s, %02d %s %04lld %02d:%02d:%02d GMT", days[c.weekday], c.day,
                   months[c.month - 1], (long long)c.year, c.hour, c.minute, c.second);
}

// Takes exactly `digits` digits from the front of *s.
static bool take_number(struct str *s, size_t digits, int *out)
{
    int value = 0;

    if (s->len < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9')
            return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = str_from(*s, digits);
    *out = value;
    return true;
}

static bool take_char(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = str_from(*s, 1);
    return true;
}

static bool is_real_date(const struct civil *c)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;

    if (c->month < 1 || c->month > 12 || c->day < 1)
        return false;
    if (c->day > month_days[c->month - 1] + (c->month == 2 && leap))
        return false;
    return c->hour < 24 && c->minute < 60 && c->second < 61;
}

static time_ms civil_to_ms(const struct civil *c)
{
    return days_from_civil(c->year, c->month, c->day) * TIME_DAY_MS +
           (int64_t)c->hour * TIME_HOUR_MS + (int64_t)c->minute * TIME_MINUTE_MS +
           (int64_t)c->second * TIME_SECOND_MS + c->ms;
}

bool time_parse_amz(struct str s, time_ms *out)
{
    struct civil c = {0};
    int year;

    if (!take_number(&s, 4, &year) || !take_number(&s, 2, &c.month) ||
        !take_number(&s, 2, &c.day) || !take_char(&s, 'T') || !take_number(&s, 2, &c.hour) ||
        !take_number(&s, 2, &c.minute) || !take_number(&s, 2, &c.second) || !take_char(&s, 'Z') ||
        s.len != 0)
        return false;
    c.year = year;
    if (!is_real_date(&c) || c.second == 60) // signers count as POSIX does, without leap seconds
        return false;
    *out = civil_to_ms(&c);
    return true;
}

static void take_fraction(struct str *s, int *out_ms)
{
    int scale = 100;

    while (s->len > 0 && s->ptr[0] >= '0' && s->ptr[0] <= '9') {
        *out_ms += (s->ptr[0] - '0') * scale;
        scale /= 10;
        *s = str_from(*s, 1);
    }
}

static bool take_zone(struct str *s, int64_t *out_offset_ms)
{
    bool west;
    int hours;
    int minutes;

    *out_offset_ms = 0;
    if (s->len == 0 || take_char(s, 'Z') || take_char(s, 'z'))
        return true;
    west = s->ptr[0] == '-';
    if (!take_char(s, '+') && !take_char(s, '-'))
        return false;
    if (!take_number(s, 2, &hours))
        return false;
    take_char(s, ':');
    if (!take_number(s, 2, &minutes))
        return false;
    *out_offset_ms = (int64_t)hours * TIME_HOUR_MS + (int64_t)minutes * TIME_MINUTE_MS;
    if (west)
        *out_offset_ms = -*out_offset_ms;
    return true;
}

bool time_parse_rfc3339(struct str s, time_ms *out)
{
    struct civil c = {0};
    int64_t offset_ms = 0;
    int year;

    if (!take_number(&s, 4, &year) || !take_char(&s, '-') || !take_number(&s, 2, &c.month) ||
        !take_char(&s, '-') || !take_number(&s, 2, &c.day))
        return false;
    c.year = year;
    if (s.len > 0) {
        if (!take_char(&s, 'T') && !take_char(&s, 't') && !take_char(&s, ' '))
            return false;
        if (!take_number(&s, 2, &c.hour) || !take_char(&s, ':') || !take_number(&s, 2, &c.minute) ||
            !take_char(&s, ':') || !take_number(&s, 2, &c.second))
            return false;
        if (take_char(&s, '.'))
            take_fraction(&s, &c.ms);
        if (!take_zone(&s, &offset_ms))
            return false;
    }
    if (s.len != 0 || !is_real_date(&c))
        return false;
    *out = civil_to_ms(&c) - offset_ms;
    return true;
}
