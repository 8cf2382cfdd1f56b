// The files of the dashboard over HTTP: GET /dashboard/...
//
// The page holds no data: it may be fetched without a key. What it shows it asks of the API, with the session that
// sign_in.h opens.
#pragma once

#include <span>
#include <string_view>

#include "gateway/dashboard_files.h"
#include "gateway/request_head.h"
#include "gateway/response.h"

namespace tollgate {

// A path below /dashboard/ that is no file is a view of the page, which reads it itself. Pure.
Answer dashboard_page(std::span<const DashboardFile> files, const RequestHead& head);

// For every response under /dashboard: nothing from elsewhere, nothing inline, and in nobody's frame.
extern const std::string_view kDashboardHeaders;

}  // namespace tollgate
